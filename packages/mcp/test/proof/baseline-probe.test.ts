import { expect, test } from 'vitest';
import { runProbe } from '../../src/proof/baseline-probe.ts';

const call = async (): Promise<boolean> => await Promise.resolve(true);

test('runProbe() ends with its time, though the next call would be due long after it', async () => {
  const { signal } = new AbortController();
  const report = await runProbe({ call, ratePerSecond: 0.1, durationMs: 100, signal });
  expect(report.results).toHaveLength(1);
  expect(report.durationMs).toBeLessThan(5_000);
});

test('runProbe() ends at once when it is to end', async () => {
  const abort = new AbortController();
  const running = runProbe({
    call,
    ratePerSecond: 0.1,
    durationMs: 60_000,
    signal: abort.signal,
  });
  abort.abort();
  expect((await running).durationMs).toBeLessThan(5_000);
});
