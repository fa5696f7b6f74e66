import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createWriterLock } from '../../src/store/writer-lock.ts';
import { openCache } from '../lib/open-cache.ts';
import { tempFolder } from '../lib/temp-folder.ts';

const hasFlock = spawnSync('flock', ['--version']).status === 0;

test.skipIf(!hasFlock)(
  'flock: one holder at a time, free after release (P5; needs flock)',
  async () => {
    const path = join(tempFolder(), 'lock');
    const take = createWriterLock();
    const first = await take(path);
    expect(first?.by).toBe('flock');
    expect(await take(path)).toBeUndefined();
    await first?.release();
    const second = await take(path);
    expect(second?.by).toBe('flock');
    await second?.release();
  },
);

test.skipIf(process.platform !== 'linux')(
  'without flock an abstract socket holds the lock (P5; Linux)',
  async () => {
    const path = join(tempFolder(), 'lock');
    const take = createWriterLock({ flockProgram: 'no-such-program' });
    const first = await take(path);
    expect(first?.by).toBe('socket');
    expect(await take(path)).toBeUndefined();
    await first?.release();
    const second = await take(path);
    expect(second?.by).toBe('socket');
    await second?.release();
  },
);

test('the fallback is told to the operator', async () => {
  const takeLock = createWriterLock({ flockProgram: 'no-such-program' });
  const { warnings } = await openCache({ path: join(tempFolder(), 'servers.json'), takeLock });
  expect(warnings.map((one) => one.kind)).toEqual(['lock-fallback']);
});

test('a lock file that cannot be opened is a typed error', async () => {
  await expect(createWriterLock()(join(tempFolder(), 'no', 'folder'))).rejects.toMatchObject({
    name: 'RegistryError',
    code: 'EIO',
  });
});
