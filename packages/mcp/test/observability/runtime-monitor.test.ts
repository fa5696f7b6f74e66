import { setImmediate, setTimeout as delay } from 'node:timers/promises';
import { waitUntil } from '@cortex-os/testkit';
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import {
  createRuntimeMonitor,
  samplesEveryIteration,
  type RuntimeMonitor,
  type RuntimeMonitorOptions,
} from '../../src/observability/runtime-monitor.ts';
import { parseExposition } from './exposition.ts';

const NAME = 'mcp_event_loop_delay_seconds';
const STALLED = 'mcp_event_loop_stalled_seconds_total';

function started(options: RuntimeMonitorOptions) {
  const registry = new Registry();
  const monitor: RuntimeMonitor = createRuntimeMonitor(registry, options);
  monitor.start();
  return { monitor, scrape: async () => parseExposition(await registry.metrics()) };
}

/** Holds the event loop. */
function stall(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** Makes work for the garbage collector. */
function litter(): unknown {
  return Array.from({ length: 1_000_000 }, (_, index) => ({ index }));
}

test.each([
  ['22.22.2', false],
  ['26.4.9', false],
  ['26.5.0', true],
  ['26.10.0', true],
  ['27.0.0', true],
])('samplesEveryIteration(%j) is %j', (version, expected) => {
  expect(samplesEveryIteration(version)).toBe(expected);
});

test.each([[true], [false]])(
  'mcp_event_loop_delay_seconds shows a stall to every reader of 15 s, without the sampling interval (R10, per iteration: %j)',
  async (perIteration) => {
    let atMs = 0;
    const { monitor, scrape } = started({ perIteration, now: () => atMs });
    try {
      // A timer needs a few turns before it has an interval to compare with.
      await delay(60);
      stall(500);
      await delay(60);
      const [first, second] = [await scrape(), await scrape()];
      const max = first.value(NAME, { stat: 'max' }) ?? 0;
      expect(max).toBeGreaterThan(0.4);
      expect(first.value(NAME, { stat: 'p50' })).toBeLessThan(max);
      expect(first.value(NAME, { stat: 'p99' })).toBeGreaterThan(0);
      expect(second.value(NAME, { stat: 'max' })).toBe(max);
      // The window ends for whoever reads first, and is told of until the next one ends.
      atMs = 16_000;
      expect((await scrape()).value(NAME, { stat: 'max' })).toBe(max);
      expect((await scrape()).value(NAME, { stat: 'max' })).toBe(max);
      // The machine may stall us, too, but not all the time.
      const isOver = async (): Promise<boolean> => {
        await delay(60);
        atMs += 16_000;
        return ((await scrape()).value(NAME, { stat: 'max' }) ?? 1) < 0.4;
      };
      await waitUntil(isOver, { describe: 'a window does not show it' });
    } finally {
      monitor.close();
    }
  },
);

test('mcp_event_loop_stalled_seconds_total counts a stall among many turns, which p99 never sees', async () => {
  let atMs = 0;
  const { monitor, scrape } = started({ perIteration: true, now: () => atMs });
  try {
    for (let turn = 0; turn < 1_000; turn += 1) await setImmediate();
    const before = (await scrape()).value(STALLED) ?? 1;
    for (const ms of [300, 600]) {
      stall(ms);
      await delay(5);
    }
    const first = await scrape();
    expect(first.value(NAME, { stat: 'p99' })).toBeLessThan(0.1);
    const counted = (first.value(STALLED) ?? 0) - before;
    // What the machine adds is not ours.
    expect(counted).toBeGreaterThan(0.65);
    expect(counted).toBeLessThan(2);
    // Neither a reader nor the end of a window takes anything from it.
    atMs = 20_000;
    expect((await scrape()).value(STALLED)).toBeGreaterThanOrEqual(first.value(STALLED) ?? 0);
    atMs = 40_000;
    const later = (await scrape()).value(STALLED) ?? 0;
    expect(later).toBeGreaterThanOrEqual(first.value(STALLED) ?? Infinity);
    expect(later).toBeLessThan((first.value(STALLED) ?? 0) + 0.5);
  } finally {
    monitor.close();
  }
});

test('mcp_event_loop_delay_seconds is 0 before start()', async () => {
  const registry = new Registry();
  createRuntimeMonitor(registry);
  const { value } = parseExposition(await registry.metrics());
  expect(value(NAME, { stat: 'max' })).toBe(0);
  expect(value(STALLED)).toBe(0);
});

test('mcp_gc_pause_seconds counts collections by kind, and none after close()', async () => {
  const { monitor, scrape } = started({ perIteration: true });
  const kinds = ['minor', 'major', 'incremental', 'weakcb'];
  const count = async (): Promise<number> => {
    const { value } = await scrape();
    return kinds.reduce(
      (sum, kind) => sum + (value('mcp_gc_pause_seconds_count', { kind }) ?? 0),
      0,
    );
  };
  litter();
  await waitUntil(async () => (await count()) > 1, { describe: 'collections are counted' });
  monitor.close();
  monitor.close();
  const before = await count();
  litter();
  await delay(20);
  expect(await count()).toBe(before);
});
