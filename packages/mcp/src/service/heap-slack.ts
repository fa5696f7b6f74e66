const MIB = 1_048_576;
/** After compiled code was kept for the next start (decision 0025): V8 takes none that was made under other flags. */
const FIRST_LOOK_MS = 10_000;
const LOOK_MS = 60_000;
/** The heap that lives is at most what it was at the least of so many looks. */
const MAX_LOOKS = 5;
/** Below, V8's own rule gives as much. */
const MIN_PERCENT = 25;
const MAX_PERCENT = 1_000;

/** What is asked of V8, and told to it. */
export interface HeapPorts {
  usedBytes(): number;
  /** By how much the heap that lives may grow; 0: as V8 itself finds right. */
  setGrowthPercent(percent: number): void;
}

/** The heap of this process. */
export const OWN_HEAP: HeapPorts = {
  usedBytes: () => process.getBuiltinModule('node:v8').getHeapStatistics().used_heap_size,
  setGrowthPercent(percent) {
    process.getBuiltinModule('node:v8').setFlagsFromString(`--heap-growing-percent=${percent}`);
  },
};

/** The share of a heap that `slackMiB` are; 0 where it is so large that V8's own rule gives as much. */
export function growthPercent(usedBytes: number, slackMiB: number): number {
  const percent = Math.round((100 * slackMiB * MIB) / usedBytes);
  return percent < MIN_PERCENT ? 0 : Math.min(percent, MAX_PERCENT);
}

/**
 * Gives a small heap room for the bodies of calls (decision 0038). A buffer counts as part of the heap when V8 decides
 * whether to mark all of it, which it does as soon as 8 MiB have come since the last time: with results of 1 MB every
 * twentieth call, for 7 ms of this thread and more beside it. What is the right share is looked at again each minute.
 * @param slackMiB 0 leaves it to V8.
 * @param firstLookMs when it begins. Default: 10 s.
 * @returns a function that ends it, and leaves it to V8 again.
 */
export function keepHeapSlack(
  slackMiB: number,
  heap: HeapPorts = OWN_HEAP,
  firstLookMs: number = FIRST_LOOK_MS,
): () => void {
  if (slackMiB === 0) return () => undefined;
  const looks: number[] = [];
  let given = 0;
  const look = (): void => {
    looks.push(heap.usedBytes());
    if (looks.length > MAX_LOOKS) looks.shift();
    const percent = growthPercent(Math.min(...looks), slackMiB);
    if (percent === given) return;
    given = percent;
    heap.setGrowthPercent(percent);
  };
  let timer = setTimeout(() => {
    look();
    timer = setInterval(look, LOOK_MS).unref();
  }, firstLookMs).unref();
  return () => {
    clearTimeout(timer);
    if (given !== 0) heap.setGrowthPercent(0);
    given = 0;
  };
}
