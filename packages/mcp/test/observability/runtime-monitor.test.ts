import { setTimeout as delay } from 'node:timers/promises';
import { waitUntil } from '@cortex-os/testkit';
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import {
  createRuntimeMonitor,
  samplesEveryIteration,
  type RuntimeMonitor,
} from '../../src/observability/runtime-monitor.ts';
import { parseExposition } from './exposition.ts';

const NAME = 'mcp_event_loop_delay_seconds';

function started(perIteration: boolean) {
  const registry = new Registry();
  const monitor: RuntimeMonitor = createRuntimeMonitor(registry, { perIteration });
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
  'mcp_event_loop_delay_seconds shows a stall once, without the sampling interval (per iteration: %j)',
  async (perIteration) => {
    const { monitor, scrape } = started(perIteration);
    try {
      // A timer needs a few turns before it has an interval to compare with.
      await delay(60);
      stall(500);
      await delay(60);
      const first = await scrape();
      const max = first.value(NAME, { stat: 'max' }) ?? 0;
      expect(max).toBeGreaterThan(0.4);
      expect(first.value(NAME, { stat: 'p50' })).toBeLessThan(max);
      expect(first.value(NAME, { stat: 'p99' })).toBeGreaterThan(0);
      // The machine may stall us, too, but not all the time.
      const isOver = async (): Promise<boolean> => {
        await delay(60);
        return ((await scrape()).value(NAME, { stat: 'max' }) ?? 1) < 0.4;
      };
      await waitUntil(isOver, { describe: 'a scrape does not show it' });
    } finally {
      monitor.close();
    }
  },
);

test('mcp_event_loop_delay_seconds is 0 before start()', async () => {
  const registry = new Registry();
  createRuntimeMonitor(registry);
  const { value } = parseExposition(await registry.metrics());
  expect(value(NAME, { stat: 'max' })).toBe(0);
});

test('mcp_gc_pause_seconds counts collections by kind, and none after close()', async () => {
  const { monitor, scrape } = started(true);
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
