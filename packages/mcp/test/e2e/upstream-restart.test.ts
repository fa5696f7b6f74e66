import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import {
  isAlive,
  startUpstream,
  waitUntil,
  type HttpKind,
  type StdioKind,
} from '@cortex-os/testkit';
import { expect, test, vi } from 'vitest';
import { connectClient, type TourClient } from './clients.ts';
import { connector, connectorFor, startGateway } from './gateway-fixture.ts';

vi.setConfig({ testTimeout: 60_000 });

const EVERYTHING = fileURLToPath(
  new URL(
    '../../../../node_modules/@modelcontextprotocol/server-everything/dist/index.js',
    import.meta.url,
  ),
);

/** A process that hands connections on: killed, it is to its clients what a killed server is. */
const RELAY = `
const net = require('node:net');
const [port, to] = process.argv.slice(1).map(Number);
net.createServer((socket) => {
  const other = net.connect(to, '127.0.0.1');
  for (const one of [socket, other]) one.on('error', () => undefined);
  socket.pipe(other).pipe(socket);
}).listen(port, '127.0.0.1', () => process.stdout.write('up'));
`;

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

async function startRelay(port: number, url: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-e', RELAY, String(port), new URL(url).port], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

async function startEverything(port: number, transport: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [EVERYTHING, transport], {
    env: { PATH: process.env['PATH'] ?? '', PORT: String(port) },
    stdio: 'ignore',
  });
  const answers = async (): Promise<boolean> =>
    await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    );
  await waitUntil(answers, { timeoutMs: 15_000, describe: 'server-everything listens' });
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

interface Failure {
  readonly message: string;
  readonly data?: { readonly code?: string; readonly connector?: string };
}

/** How each call went: a failure, or undefined for an answer. */
async function outcomes(calls: readonly Promise<unknown>[]): Promise<(Failure | undefined)[]> {
  return await Promise.all(
    calls.map(
      async (call) =>
        await call.then(
          () => undefined,
          (error: unknown) => error as Failure,
        ),
    ),
  );
}

const COUNT = 24;
/** Calls of this kind under way when the upstream dies. */
interface Load {
  readonly slow: readonly [tool: string, args: Record<string, unknown>];
  readonly quick: readonly [tool: string, args: Record<string, unknown>];
}
const TESTKIT: Load = {
  slow: ['one__slow', { ms: 30_000, steps: 10 }],
  quick: ['one__echo', { message: 'again' }],
};

/** Kills while calls are under way: they fail fast and clearly, others do not notice, and the next call works. */
async function killUnderLoad(
  client: TourClient,
  load: Load,
  upstream: { arrived(): Promise<void>; die(): Promise<void>; revive(): Promise<void> },
): Promise<void> {
  const calls = Array.from({ length: COUNT }, async () => await client.call(...load.slow));
  const settled = outcomes(calls);
  await upstream.arrived();
  const diedAtMs = performance.now();
  await upstream.die();
  const failures = await settled;
  // The calls would have taken 30 s.
  expect(performance.now() - diedAtMs).toBeLessThan(20_000);
  for (const failure of failures) {
    expect(failure?.data?.connector).toBe('one');
    expect(failure?.data?.code).toMatch(
      /^(STREAM_CUT|PROCESS_EXITED|SESSION_LOST|CONNECT_FAILED)$/,
    );
    expect(failure?.message).toContain('one: ');
  }
  expect(await client.call('canary__echo', { message: 'here' })).toMatchObject({
    content: [{ text: 'here' }],
  });
  const down = await outcomes([client.call(...load.quick)]);
  await upstream.revive();
  // While it was down a call may have failed; now one must work, without anybody doing anything about it.
  expect(down).toHaveLength(1);
  await waitUntil(async () => (await outcomes([client.call(...load.quick)]))[0] === undefined, {
    timeoutMs: 10_000,
    describe: 'the next call works',
  });
  expect(JSON.stringify(await client.call(...load.quick))).toContain('again');
}

test.each([
  ['modern-http', 'v2 pinned'],
  ['legacy-http-session', 'v1'],
  ['legacy-http-stateless', 'v2 legacy'],
] as const)('kill -9 of %s under load, by %s', async (kind: HttpKind, mode) => {
  await using server = await startUpstream({ kind });
  await using canary = await startUpstream({ kind: 'modern-http' });
  const port = await freePort();
  let relay = await startRelay(port, server.url);
  try {
    const url = `http://127.0.0.1:${port}/mcp`;
    await using gateway = await startGateway([
      connector('one', { kind: 'http', url, headers: {} }),
      connectorFor(canary, 'canary'),
    ]);
    await gateway.service.manager.sync();
    await using client = await connectClient(gateway.url(), mode);
    const under = (): number => server.counts.byMethod['tools/call'] ?? 0;
    await killUnderLoad(client, TESTKIT, {
      arrived: async () => await waitUntil(() => under() === COUNT, { describe: 'all arrived' }),
      die: async () => await kill(relay),
      revive: async () => {
        relay = await startRelay(port, server.url);
      },
    });
    expect(gateway.service.status()).toMatchObject({ clients: { callsInFlight: 0 } });
  } finally {
    await kill(relay);
  }
});

test.each([
  ['streamableHttp', 'http', 'v1'],
  ['sse', 'sse', 'v1'],
] as const)('kill -9 of server-everything (%s) under load', async (transport, kind, mode) => {
  await using canary = await startUpstream({ kind: 'modern-http' });
  const port = await freePort();
  let child = await startEverything(port, transport);
  try {
    const url = `http://127.0.0.1:${port}/${kind === 'sse' ? 'sse' : 'mcp'}`;
    await using gateway = await startGateway([
      connector('one', { kind, url, headers: {} }),
      connectorFor(canary, 'canary'),
    ]);
    await gateway.service.manager.sync();
    await using client = await connectClient(gateway.url(), mode);
    const load: Load = {
      slow: ['one__trigger-long-running-operation', { duration: 30, steps: 300 }],
      quick: ['one__echo', { message: 'again' }],
    };
    await killUnderLoad(client, load, {
      // Progress of a call of its own shows that the server works on those before it.
      arrived: async () => {
        const fast = { duration: 0.2, steps: 2 };
        const seen = await client.callWithProgress('one__trigger-long-running-operation', fast);
        expect(seen.length).toBeGreaterThan(0);
      },
      die: async () => await kill(child),
      revive: async () => {
        child = await startEverything(port, transport);
      },
    });
    expect(gateway.service.status()).toMatchObject({ clients: { callsInFlight: 0 } });
  } finally {
    await kill(child);
  }
});

test.each([
  ['legacy-stdio', 'v1'],
  ['modern-stdio', 'v2 pinned'],
] as const)('kill -9 of a %s process under load, by %s', async (kind: StdioKind, mode) => {
  await using server = await startUpstream({ kind });
  await using canary = await startUpstream({ kind: 'modern-http' });
  await using gateway = await startGateway([
    connectorFor(server, 'one'),
    connectorFor(canary, 'canary'),
  ]);
  await gateway.service.manager.sync();
  await using client = await connectClient(gateway.url(), mode);
  const under = (): number => server.counts.byMethod['tools/call'] ?? 0;
  const [first = 0] = server.processes();
  await killUnderLoad(client, TESTKIT, {
    arrived: async () => await waitUntil(() => under() === COUNT, { describe: 'all arrived' }),
    die: async () => {
      process.kill(first, 'SIGKILL');
      await Promise.resolve();
    },
    // Nobody but the gateway starts it again.
    revive: async () => await Promise.resolve(),
  });
  expect(isAlive(first)).toBe(false);
  expect(server.processes()).toHaveLength(1);
});

test('an idle process is stopped, /status says so, lists stay, and the next call wakes it', async () => {
  await using server = await startUpstream({ kind: 'legacy-stdio' });
  const definition = connectorFor(server, 'one', { idleStopMs: 150 });
  await using gateway = await startGateway([definition]);
  await gateway.service.manager.sync();
  const status = () => gateway.service.manager.listConnectors()[0];
  await using client = await connectClient(gateway.url(), 'v2 legacy');
  const asleep = (): boolean => status()?.asleep === true && server.processes().length === 0;
  await waitUntil(asleep, { describe: 'it sleeps' });
  const started = server.counts.connections;
  expect(status()).toMatchObject({ state: 'fresh', phase: 'ready', failure: undefined });
  // Neither lists nor time wake it before its lists are due again.
  for (let i = 0; i < 20; i += 1) expect(await client.listToolNames()).toContain('one__echo');
  expect(server.counts.connections).toBe(started);
  const calls = Array.from({ length: 8 }, async (_, i) =>
    client.call('one__echo', { message: `call ${i}` }),
  );
  expect(await outcomes(calls)).toEqual(Array.from({ length: 8 }, () => undefined));
  expect(server.counts.connections).toBe(started + 1);
  expect(status()?.asleep).toBeUndefined();
  await waitUntil(asleep, { describe: 'it sleeps again' });
});

test('the setting idleStopMs is for every process; 0 of a connector excepts it', async () => {
  await using sleepy = await startUpstream({ kind: 'legacy-stdio' });
  await using awake = await startUpstream({ kind: 'legacy-stdio' });
  await using gateway = await startGateway(
    [connectorFor(sleepy, 'sleepy'), connectorFor(awake, 'awake', { idleStopMs: 0 })],
    { idleStopMs: 100 },
  );
  await gateway.service.manager.sync();
  await waitUntil(() => sleepy.processes().length === 0, { describe: 'one sleeps' });
  expect(awake.processes()).toHaveLength(1);
});
