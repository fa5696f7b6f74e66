import { expect, test } from 'vitest';
import { waitUntil } from '../src/index.ts';

function broken(): boolean {
  throw new Error('broken condition');
}

test('waitUntil() resolves when the condition holds', async () => {
  let asked = 0;
  await waitUntil(() => (asked += 1) === 3, { describe: 'three times' });
  expect(asked).toBe(3);
});

test('waitUntil() rejects with what it waited for', async () => {
  await expect(
    waitUntil(async () => false, { timeoutMs: 10, describe: 'the impossible' }),
  ).rejects.toMatchObject({ code: 'WAIT_TIMEOUT', message: expect.stringContaining('impossible') });
});

test('waitUntil() passes on what the condition throws', async () => {
  await expect(waitUntil(broken, { describe: 'never' })).rejects.toThrow('broken condition');
});
