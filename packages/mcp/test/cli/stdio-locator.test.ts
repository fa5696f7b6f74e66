import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { tempFolder, waitUntil } from '@cortex-os/testkit';
import { afterEach, expect, test, vi } from 'vitest';
import { createStdioLocator, type StdioLocator } from '../../src/cli/stdio-locator.ts';
import { meetingPlace, takeOwnership } from '../../src/cli/stdio-owner.ts';
import { identify, openTarget } from '../../src/cli/stdio-target.ts';
import { loadConfig, type LoadedConfig } from '../../src/config/config.ts';

afterEach(() => {
  vi.useRealTimers();
});

async function configOf(home: string, settings: object): Promise<LoadedConfig> {
  await writeFile(join(home, 'cortex-mcp.json'), JSON.stringify({ mcpServers: {}, ...settings }));
  return await loadConfig({ flags: {}, env: { CORTEX_HOME: home }, cwd: home, home });
}

interface Rig {
  readonly locator: StdioLocator;
  readonly started: string[];
  readonly said: string[];
}

function locatorFor(config: LoadedConfig, startService?: () => Promise<never>): Rig {
  const started: string[] = [];
  const said: string[] = [];
  const start = async (socketPath: string) => {
    started.push(socketPath);
    return await Promise.resolve({ close: async () => await Promise.resolve() });
  };
  const locator = createStdioLocator({
    config,
    path: '/mcp',
    startService: startService ?? start,
    say: (line) => void said.push(line),
  });
  return { locator, started, said };
}

interface Strange extends AsyncDisposable {
  readonly server: Server;
  readonly port: number;
}

async function answering(status: number, body: string, host = '127.0.0.1'): Promise<Strange> {
  const server = createServer((_request, response) => response.writeHead(status).end(body));
  server.listen(0, host);
  await once(server, 'listening');
  return {
    server,
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const serviceOf = (config: LoadedConfig, stateFolder = config.stateFolder.value): string =>
  JSON.stringify({
    service: { name: 'cortex-mcp' },
    settings: { config: { value: config.configPath }, stateFolder: { value: stateFolder } },
  });

test('a service of another configuration is left alone, and said once', async () => {
  await using folder = tempFolder();
  let body = '';
  await using other = await answering(200, '');
  other.server.removeAllListeners('request');
  other.server.on('request', (_request, response) => response.end(body));
  const config = await configOf(folder.path, { port: other.port });
  body = serviceOf(config, '/elsewhere');
  const { locator, started, said } = locatorFor(config);
  const own = await locator.locate(undefined);
  expect([own.origin, started.length]).toEqual(['http://localhost', 1]);
  // The service of this process has stopped: there is none to be had, and none is started again.
  await expect(locator.locate(own)).rejects.toThrow('the service of this process has stopped');
  expect(said).toEqual([`the service at http://127.0.0.1:${other.port} has another configuration`]);
  await locator.close();
});

test('the service of this configuration is found, on IPv6 as well, and waited for when it goes', async () => {
  await using folder = tempFolder();
  await using running = await answering(200, '', '::1');
  const config = await configOf(folder.path, { port: running.port, host: '::1' });
  running.server.removeAllListeners('request');
  running.server.on('request', (_request, response) => response.end(serviceOf(config)));
  const { locator, started } = locatorFor(config);
  const found = await locator.locate(undefined);
  expect(found.origin).toBe(`http://[::1]:${running.port}`);
  running.server.closeAllConnections();
  running.server.close();
  await once(running.server, 'close');
  // The other place it looks at shows that it has looked for the service in vain.
  const place = await meetingPlace(config.stateFolder.value, config.configPath);
  let looks = 0;
  const shared = createServer((_request, response) => {
    looks += 1;
    response.writeHead(404).end();
  }).listen(place.socketPath);
  const again = locator.locate(found);
  await waitUntil(() => looks > 1, { describe: 'it has looked twice' });
  running.server.listen(running.port, '::1');
  expect((await again).origin).toBe(found.origin);
  expect(started).toEqual([]);
  await locator.close();
  shared.closeAllConnections();
  shared.close();
});

test('close() ends a search, and nothing is looked for after it', async () => {
  await using folder = tempFolder();
  const config = await configOf(folder.path, { port: 0 });
  const place = await meetingPlace(config.stateFolder.value, config.configPath);
  const ownership = await takeOwnership(place);
  const { locator, started } = locatorFor(config);
  const [search] = await Promise.all([
    locator.locate(undefined).catch((error: unknown) => error),
    locator.close(),
  ]);
  expect(search).toMatchObject({ message: 'it is being closed' });
  await expect(locator.locate(undefined)).rejects.toThrow('it is being closed');
  expect(started).toEqual([]);
  await ownership?.release();
});

test('a process that owns the place and does not answer is given up after 15 s', async () => {
  await using folder = tempFolder();
  const config = await configOf(folder.path, { port: 0 });
  const place = await meetingPlace(config.stateFolder.value, config.configPath);
  const ownership = await takeOwnership(place);
  const { locator, started } = locatorFor(config);
  vi.useFakeTimers({ toFake: ['performance'] });
  const search = locator.locate(undefined).then(
    () => 'found',
    (error: unknown) => String(error),
  );
  let outcome: string | undefined;
  while (outcome === undefined) {
    vi.advanceTimersByTime(1_000);
    outcome = await Promise.race([search, setImmediate(undefined)]);
  }
  expect(outcome).toContain('is starting and does not answer');
  expect(started).toEqual([]);
  await ownership?.release();
  await locator.close();
});

test('a service that cannot be started gives the place back', async () => {
  await using folder = tempFolder();
  const config = await configOf(folder.path, { port: 0 });
  const broken = new Error('it does not start');
  const { locator } = locatorFor(config, async () => await Promise.reject(broken));
  await expect(locator.locate(undefined)).rejects.toBe(broken);
  const ownership = await takeOwnership(
    await meetingPlace(config.stateFolder.value, config.configPath),
  );
  expect(ownership).toBeDefined();
  await ownership?.release();
  await locator.close();
});

test.each([
  ['another status', 500, '{"service":{"name":"cortex-mcp"}}'],
  ['no JSON', 200, 'hello'],
  ['null', 200, 'null'],
  ['another name', 200, '{"service":{"name":"other"}}'],
])('identify() takes a place that answers with %s for nobody’s', async (_name, status, body) => {
  await using strange = await answering(status, body);
  const target = openTarget({ origin: `http://127.0.0.1:${strange.port}` }, '/mcp');
  expect(await identify(target)).toBeUndefined();
  await target.close();
});

test('identify() knows a service without settings by its name only', async () => {
  await using bare = await answering(200, '{"service":{"name":"cortex-mcp"}}');
  const target = openTarget({ origin: `http://127.0.0.1:${bare.port}` }, '/mcp');
  expect(await identify(target)).toEqual({ configPath: undefined, stateFolder: undefined });
  await target.close();
});

test.skipIf(process.platform === 'win32')(
  'a folder for long paths that others can enter is refused',
  async () => {
    await using folder = tempFolder();
    const before = process.env['TMPDIR'];
    process.env['TMPDIR'] = folder.path;
    try {
      const shared = join(folder.path, `cortex-mcp-${process.getuid?.()}`);
      await mkdir(shared, { mode: 0o755 });
      const long = join(folder.path, 'x'.repeat(120));
      await expect(meetingPlace(long, 'a')).rejects.toThrow('can be entered by others');
    } finally {
      if (before === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = before;
    }
  },
);
