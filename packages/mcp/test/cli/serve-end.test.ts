import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CRASHED, endService } from '../../src/cli/serve-end.ts';
import type { LoadedConfig } from '../../src/config/config.ts';
import type { DrainOptions, DrainReport } from '../../src/service/drain.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const setting = (value: number) => ({ value, origin: { kind: 'default' as const } });

function bench(reason: string, isTty: boolean, report: Promise<DrainReport>) {
  const asked: (DrainOptions | 'close')[] = [];
  const abort = new AbortController();
  abort.abort(reason);
  let text = '';
  const settings = { drainLameDuckMs: setting(6_000), drainMaxMs: setting(300_000) };
  const code = endService(
    {
      drain: async (options) => {
        asked.push(options);
        return await report;
      },
      close: async () => void (await Promise.resolve(asked.push('close'))),
    },
    { stdout: { write: (more) => (text += more) }, isTty, signal: abort.signal },
    { settings } as unknown as LoadedConfig,
  );
  return { asked, code, text: () => text };
}

test('a service that ends at once says only that it stops, and its exit code is 0', async () => {
  const one = bench('SIGTERM', false, Promise.resolve({ kind: 'ended', cut: [] }));
  expect(await one.code).toBe(0);
  expect(one.text()).toBe('stopping\n');
  expect(one.asked).toEqual([{ lameDuckMs: 6_000, maxMs: 300_000, yields: false }]);
});

test('one that waits says for what, and how to end it at once; one that is stuck has exit code 1', async () => {
  const { promise, resolve } = Promise.withResolvers<DrainReport>();
  const one = bench('SIGINT', true, promise);
  await vi.advanceTimersByTimeAsync(500);
  expect(one.text()).toBe(
    '\nstopping\nstill answering for up to 6 s, then calls under way have up to 300 s; ' +
      'a second signal (Ctrl-C) stops at once\n',
  );
  resolve({ kind: 'stuck', cut: [] });
  expect(await one.code).toBe(1);
});

test('after a fault nothing is waited for', async () => {
  const one = bench(CRASHED, false, Promise.resolve({ kind: 'ended', cut: [] }));
  expect(await one.code).toBe(1);
  expect(one.asked).toEqual(['close']);
});
