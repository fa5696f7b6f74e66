// Fills its heap with 100 MB that stay, and says how often all of it was marked meanwhile.
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { OWN_HEAP } from '../../src/service/heap-slack.ts';

/** Each some 20 KB. */
const PIECES = 5_000;
const PIECES_A_TURN = 50;

let majors = 0;
const observer = new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const { detail } = entry as unknown as { readonly detail: { readonly kind: number } };
    if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) majors += 1;
  }
});

OWN_HEAP.setGrowthPercent(Number(process.argv[2]));
// V8 has no rule before it has marked all for the first time.
const { gc } = globalThis as { readonly gc?: () => void };
gc?.();
observer.observe({ entryTypes: ['gc'] });
const kept: (readonly object[])[] = [];
for (let piece = 0; piece < PIECES; piece += 1) {
  kept.push(Array.from({ length: 1_000 }, (_, index) => ({ index })));
  if (piece % PIECES_A_TURN === 0) await wait(0);
}
// Entries are told a turn later.
await wait(1);
if (kept.length !== PIECES) throw new Error('not all is kept');
process.send?.(majors);
process.disconnect?.();
