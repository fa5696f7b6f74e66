import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Registry } from 'prom-client';

/** The longest a scrape holds the event loop, one metric apart (contract.md, event loop). */
const SLICE_MS = 5;

/**
 * The text of `registry.metrics()`, which writes everything in one turn: 8 ms at a hundred connectors, over a
 * hundred at a thousand. This one gives the event loop a turn between metrics.
 */
export async function scrape(registry: Registry): Promise<string> {
  const texts: string[] = [];
  let startedAtMs = performance.now();
  for (const { name } of registry.getMetricsAsArray()) {
    texts.push(await registry.getSingleMetricAsString(name));
    if (performance.now() - startedAtMs < SLICE_MS) continue;
    await nextTurn();
    startedAtMs = performance.now();
  }
  return `${texts.join('\n\n')}\n`;
}
