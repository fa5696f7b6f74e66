/** Passes lines on after a fixed time, in order. */
export interface DelayLine {
  push(line: string): void;
  /** Drops the lines still waiting. */
  stop(): void;
}

/** Creates a delay of `delayMs`; 0 passes lines on at once. */
export function createDelayLine(delayMs: number, pass: (line: string) => void): DelayLine {
  const timers = new Set<NodeJS.Timeout>();
  return {
    push(line) {
      if (delayMs === 0) {
        pass(line);
        return;
      }
      const timer = setTimeout(() => {
        timers.delete(timer);
        pass(line);
      }, delayMs);
      timers.add(timer);
    },
    stop() {
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  };
}
