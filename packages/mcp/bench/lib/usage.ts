import { PerformanceObserver } from 'node:perf_hooks';

/** What a process has used so far, by its own accounting. */
export interface Usage {
  /** User and system time of all its threads, in microseconds. */
  readonly cpuUs: number;
  /** Of it, time in which the garbage collector held everything else up; 0 where that is not known. */
  readonly gcUs: number;
  readonly rssBytes: number;
  readonly heapBytes: number;
  readonly externalBytes: number;
}

let gcUs = 0;

/** Begins to add up collections; `ownUsage` knows of none before. */
export function watchCollections(): void {
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) gcUs += duration * 1_000;
  });
  observer.observe({ entryTypes: ['gc'] });
}

export function ownUsage(): Usage {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, external } = process.memoryUsage();
  const cpuUs = user + system;
  return { cpuUs, gcUs, rssBytes: rss, heapBytes: heapUsed, externalBytes: external };
}
