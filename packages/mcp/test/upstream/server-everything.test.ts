import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { SIGNAL, definitionFor, open, run, toolCall } from './http-fixture.ts';

const PROGRAM = fileURLToPath(
  new URL(
    '../../../../node_modules/@modelcontextprotocol/server-everything/dist/index.js',
    import.meta.url,
  ),
);

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function start(port: number): Promise<ChildProcess> {
  const child = spawn(process.execPath, [PROGRAM, 'streamableHttp'], {
    env: { PATH: process.env['PATH'] ?? '', PORT: String(port) },
    stdio: 'ignore',
  });
  const answers = async (): Promise<boolean> => {
    try {
      await fetch(`http://127.0.0.1:${port}/`);
      return true;
    } catch {
      // Nothing listens yet.
      return false;
    }
  };
  await waitUntil(answers, { timeoutMs: 15_000, describe: 'server-everything listens' });
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

test('server-everything: tools, progress, and a restart that it answers with 400', async () => {
  const port = await freePort();
  let child = await start(port);
  try {
    await using opened = open(definitionFor(`http://127.0.0.1:${port}/mcp`));
    const info = await opened.upstream.connect(SIGNAL);
    expect(info).toMatchObject({ era: 'legacy', protocolVersion: '2025-11-25' });
    const list = await opened.upstream.request('tools/list', [], {
      signal: SIGNAL,
      timeoutMs: 5_000,
    });
    expect((JSON.parse(list) as { tools: unknown[] }).tools.length).toBeGreaterThan(5);
    const echo = await run(opened.upstream, toolCall('modern'));
    expect(echo.outcome).toMatchObject({ kind: 'result', era: 'legacy' });
    const slow = await run(
      opened.upstream,
      toolCall('legacy', {
        members: [
          { key: 'name', text: '"trigger-long-running-operation"' },
          { key: 'arguments', text: '{"duration":0.2,"steps":2}' },
        ],
        meta: [{ key: 'progressToken', text: '"t"' }],
      }),
    );
    expect(slow.outcome.kind).toBe('result');
    expect(slow.sink.notifications.length).toBeGreaterThan(0);
    expect(slow.sink.notifications[0]).toContain('"progressToken":"t"');

    await stop(child);
    child = await start(port);
    const after = await run(opened.upstream, toolCall('modern'));
    expect(after.outcome).toMatchObject({ kind: 'result', era: 'legacy' });
    expect(opened.losses).toHaveLength(1);
  } finally {
    await stop(child);
  }
}, 40_000);
