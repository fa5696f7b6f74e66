import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive, startUpstream, tempFolder, waitUntil } from '@cortex-os/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { startGateway } from './e2e/gateway-fixture.ts';
import { startServe } from './e2e/serve-process.ts';
import { serverDefinition } from './upstream/fixtures-stdio/server-definition.ts';

test('a process that ignores SIGTERM and the end of its input does not outlive a drain, nor hold it up (T7)', async () => {
  const gateway = await startGateway([serverDefinition('one', ['--stubborn'])]);
  onTestFinished(async () => await gateway[Symbol.asyncDispose]());
  const { manager } = gateway.service;
  // It answers no lists, which the drain need not wait for either.
  void manager.sync();
  const one = (): { readonly serverInfo?: unknown; readonly pids?: readonly number[] } =>
    manager.listConnectors()[0] ?? {};
  await waitUntil(() => one().serverInfo !== undefined, { describe: 'it is up' });
  const [pid = 0] = one().pids ?? [];
  expect(isAlive(pid)).toBe(true);
  const startedAtMs = performance.now();
  const report = await gateway.service.drain({ lameDuckMs: 0, maxMs: 1_000, yields: false });
  expect(report).toEqual({ kind: 'ended', cut: [] });
  expect(performance.now() - startedAtMs).toBeLessThan(15_000);
  expect(isAlive(pid)).toBe(false);
}, 40_000);

/** A disk that takes its time with a file that is put in its place. */
const SLOW_DISK = `
  import fs from 'node:fs';
  import { syncBuiltinESMExports } from 'node:module';
  const slowly = (rename) => (from, to, ...rest) => {
    if (!String(to).includes('manifests')) return rename(from, to, ...rest);
    process.stderr.write('a manifest is being written\\n');
    return new Promise((resolve) => setTimeout(resolve, 1_500)).then(() => rename(from, to, ...rest));
  };
  fs.rename = slowly(fs.rename);
  fs.promises.rename = slowly(fs.promises.rename);
  syncBuiltinESMExports();
`;

test('a manifest that is being written when SIGTERM comes is on the disk at the end (T7)', async () => {
  await using upstream = await startUpstream({ kind: 'modern-http' });
  await using folder = tempFolder();
  const preload = join(folder.path, 'slow-disk.mjs');
  await writeFile(preload, SLOW_DISK);
  await using serve = await startServe({
    folder,
    mcpServers: { one: { url: upstream.url } },
    env: { NODE_OPTIONS: `--import=${preload}` },
  });
  await waitUntil(() => serve.stderr().includes('a manifest is being written'), {
    timeoutMs: 20_000,
    describe: 'it is being written',
  });
  const manifests = join(folder.path, 'mcp', 'manifests');
  const kept = async (): Promise<string[]> =>
    (await readdir(manifests)).filter((name) => name === 'one.json');
  expect(await kept(), 'the control: it is not there yet').toEqual([]);
  expect(await serve.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(await kept()).toEqual(['one.json']);
  expect(JSON.parse(await readFile(join(manifests, 'one.json'), 'utf8'))).toMatchObject({});
}, 60_000);
