import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startUpstream } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { type CliBench, cliBench } from './fake-io.ts';

/** Serves on a free port, and looks from another terminal of the same user. */
async function withService(
  bench: CliBench,
  use: (looker: CliBench, port: string) => Promise<void>,
): Promise<void> {
  const running = bench.run('serve', '--port', '0');
  await bench.stdout.until(/Endpoint: (\S+)\n/);
  const url = new URL(/Endpoint: (\S+)\n/.exec(bench.stdout.text)?.[1] ?? '');
  try {
    await using looker = await cliBench({ cwd: bench.path, home: bench.path });
    await use(looker, url.port);
  } finally {
    bench.stop('SIGINT');
    await running;
  }
}

test('connectors list names the phase that a hung server is in, and for how long, while a gateway runs', async () => {
  await using hung = await startUpstream({
    kind: 'modern-http',
    faults: [{ kind: 'hang-before-headers' }],
  });
  await using bench = await cliBench();
  const add = async (name: string, url: string): Promise<unknown> =>
    await bench.run('connectors', 'add', name, '--url', url);
  await add('hung', hung.url);
  await add('dead', 'http://127.0.0.1:1/mcp');
  await bench.run('connectors', 'list');
  // Without a gateway nothing is known of either.
  expect(bench.stdout.text).toMatch(/^hung +enabled +streamableHttp/m);
  await withService(bench, async (looker, port) => {
    const look = async (...more: string[]): Promise<string> => {
      looker.stdout.text = '';
      expect(await looker.run('connectors', 'list', '--port', port, ...more)).toBe(0);
      return looker.stdout.text;
    };
    await expect
      .poll(async () => await look(), { timeout: 10_000 })
      .toMatch(/^hung +connecting \(handshake, [\d.]+ m?s\) +streamableHttp/m);
    await expect
      .poll(async () => await look(), { timeout: 10_000 })
      .toMatch(/^dead +unavailable \(connect: CONNECT_FAILED\)/m);
    expect(JSON.parse(await look('--json'))).toMatchObject([
      { id: 'dead', status: { state: 'unavailable', failure: { code: 'CONNECT_FAILED' } } },
      {
        id: 'hung',
        status: { state: 'connecting', phase: 'handshake', busyMs: expect.any(Number) as number },
      },
    ]);
  });
}, 30_000);

test('connectors list needs no configuration that can be read', async () => {
  await using bench = await cliBench();
  await bench.run('connectors', 'add', 'one', '--url', 'http://127.0.0.1:1/mcp');
  await writeFile(join(bench.path, 'cortex-mcp.json'), '{');
  expect(await bench.run('connectors', 'list')).toBe(0);
  expect(bench.stdout.text).toMatch(/^one +enabled/m);
});
