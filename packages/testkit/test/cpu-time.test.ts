import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { cpuMs } from '../src/index.ts';

function busyUntilCpuMs(ms: number): void {
  const start = process.threadCpuUsage();
  const used = (): number => {
    const { user, system } = process.threadCpuUsage(start);
    return (user + system) / 1000;
  };
  while (used() < ms);
}

test('cpuMs() counts work', async () => {
  expect(await cpuMs(() => busyUntilCpuMs(60))).toBeGreaterThan(50);
});

test('cpuMs() does not count time in which the thread did nothing', async () => {
  expect(await cpuMs(async () => await delay(300))).toBeLessThan(250);
});

test('cpuMs() passes on what the run throws', async () => {
  await expect(cpuMs(async () => await Promise.reject(new Error('broken')))).rejects.toThrow(
    'broken',
  );
});
