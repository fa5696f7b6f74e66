import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { waitUntil } from '@cortex-os/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ASKABLE, MODEL_ANSWER, connectAskable } from './asking-clients.ts';
import { connector, startGateway, type TestGateway } from './gateway-fixture.ts';

const PROGRAM = fileURLToPath(
  new URL(
    '../../../../node_modules/@modelcontextprotocol/server-everything/dist/index.js',
    import.meta.url,
  ),
);

let child: ChildProcess;
let gateway: TestGateway;

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function answers(url: string): Promise<boolean> {
  try {
    await fetch(url);
    return true;
  } catch {
    // Nothing listens yet.
    return false;
  }
}

beforeAll(async () => {
  const port = await freePort();
  child = spawn(process.execPath, [PROGRAM, 'streamableHttp'], {
    env: { PATH: process.env['PATH'] ?? '', PORT: String(port) },
    stdio: 'ignore',
  });
  const url = `http://127.0.0.1:${port}/mcp`;
  await waitUntil(async () => await answers(url), {
    timeoutMs: 15_000,
    describe: 'server-everything listens',
  });
  const command = { command: process.execPath, args: [PROGRAM, 'stdio'], env: {}, cwd: undefined };
  gateway = await startGateway([
    connector('http', { kind: 'http', url, headers: {} }),
    connector('stdio', { kind: 'stdio', ...command }),
  ]);
  await gateway.service.manager.sync();
}, 30_000);

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  child.kill();
  await once(child, 'exit');
});

// server-everything adds these tools once it knows that its client can be asked.
describe.each(['http', 'stdio'])('server-everything over %s', (id) => {
  test.each(ASKABLE)('asks the model and the user of client %s (§4.9)', async (mode) => {
    await using client = await connectAskable(gateway.url(), mode, {
      sampling: () => MODEL_ANSWER,
      elicitation: () => ({ action: 'accept', content: { name: 'Zoë' } }),
      roots: () => ({ roots: [{ uri: 'file:///srv/zoe', name: 'zoe' }] }),
    });
    const sampled = await client.call(`${id}__trigger-sampling-request`, {
      prompt: 'two plus two',
    });
    expect(JSON.stringify(sampled)).toContain('four');
    const elicited = await client.call(`${id}__trigger-elicitation-request`);
    expect(JSON.stringify(elicited)).toContain('Zoë');
    expect(client.asked.map(({ method }) => method)).toEqual(
      expect.arrayContaining(['sampling/createMessage', 'elicitation/create']),
    );
  });
});
