import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How often the loop is probed, in milliseconds. */
const RESOLUTION_MS = 1;

/** How long single turns of the event loop were, in milliseconds. */
export interface Stalls {
  /** The longest time the loop was not free, whoever had the processor meanwhile. */
  readonly stallMs: number;
  /** The most processor time one turn took on its thread: what a stall is without the moods of the machine. */
  readonly turnCpuMs: number;
}

/** Watches the event loop of this process. */
export interface StallWatch {
  /** What was seen since the start. */
  stop(): Stalls;
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

/** A timer that is always due is called once a turn. */
function watchTurns(): { stop(): number } {
  let longest = 0;
  let last = threadCpuMs();
  const look = (): void => {
    const now = threadCpuMs();
    longest = Math.max(longest, now - last);
    last = now;
  };
  const timer = setInterval(look, RESOLUTION_MS);
  return {
    stop() {
      clearInterval(timer);
      look();
      return longest;
    },
  };
}

export function watchStalls(): StallWatch {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  const turns = watchTurns();
  return {
    stop() {
      histogram.disable();
      const stallMs = histogram.count === 0 ? 0 : Math.max(0, histogram.max / 1e6 - RESOLUTION_MS);
      return { stallMs, turnCpuMs: turns.stop() };
    },
  };
}
