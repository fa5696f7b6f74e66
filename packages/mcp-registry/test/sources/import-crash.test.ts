import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { importFromRegistry } from '../../src/sources/import-registry.ts';
import { readWatermark } from '../../src/sources/watermarks.ts';
import { openCache } from '../lib/open-cache.ts';
import { tempFolder } from '../lib/temp-folder.ts';
import { item, sendJson, startHttp } from '../lib/upstream-registry.ts';

const script = fileURLToPath(new URL('../lib/import-child.ts', import.meta.url));

test('a kill between an imported page and the watermark loses nothing and skips nothing', async () => {
  const folder = tempFolder();
  const asked: string[] = [];
  let kill: (() => void) | undefined;
  const url = await startHttp((request, response) => {
    asked.push(request.url ?? '');
    const second = (request.url ?? '').includes('cursor=');
    // The second page is only asked for when the first is durable.
    if (second && kill !== undefined) kill();
    else
      sendJson(response, {
        servers: [item(second ? 'io.test/b' : 'io.test/a')],
        metadata: second ? {} : { nextCursor: '2' },
      });
  });
  const child = spawn(process.execPath, [script, folder, url], { stdio: 'inherit' });
  onTestFinished(() => void child.kill('SIGKILL'));
  kill = () => child.kill('SIGKILL');
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
  expect(signal).toBe('SIGKILL');
  kill = undefined;
  expect(existsSync(join(folder, 'sources.json'))).toBe(false);
  const { cache } = await openCache({ path: join(folder, 'servers.json') });
  expect(cache.getAll().map(({ name }) => name)).toEqual(['io.test/a']);
  const options = {
    url,
    target: cache,
    stateFolder: folder,
    now: () => new Date(),
    plainHttp: 'loopback' as const,
  };
  expect(await importFromRegistry(options)).toMatchObject({
    since: undefined,
    added: 1,
    unchanged: 1,
  });
  expect(asked.every((path) => !path.includes('updated_since'))).toBe(true);
  expect(await readWatermark(folder, url)).toBeDefined();
});
