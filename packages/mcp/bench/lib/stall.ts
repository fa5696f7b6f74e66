import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How often the loop is probed, in milliseconds. */
const RESOLUTION_MS = 1;

/** Watches the event loop of this process. */
export interface StallWatch {
  /** The longest time the loop was not free since the start, in milliseconds. */
  stop(): number;
}

export function watchStalls(): StallWatch {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  return {
    stop() {
      histogram.disable();
      return histogram.count === 0 ? 0 : Math.max(0, histogram.max / 1e6 - RESOLUTION_MS);
    },
  };
}
