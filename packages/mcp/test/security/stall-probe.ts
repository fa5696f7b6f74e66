// Loaded into a gateway before anything else (`--import`): measures how long its event loop is held, and tells.

const INTERVAL_MS = 4;

/** The longest turn of the event loop since it was asked last, and what the process holds. */
export interface ProbeReading {
  /**
   * Between two turns: processor time of the main thread, or time by the clock where that is less. Other programs that
   * take the processor away do not count, nor do systems that account for it in lumps.
   */
  readonly heldMs: number;
  readonly rssBytes: number;
  readonly cpuMs: number;
  /** What somebody added to the prototype of all objects. */
  readonly prototypeKeys: readonly string[];
  readonly polluted: boolean;
}

const PROTOTYPE: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Object.prototype));

interface Mark {
  readonly cpuMs: number;
  readonly atMs: number;
}

function mark(): Mark {
  const { user, system } = process.threadCpuUsage();
  return { cpuMs: (user + system) / 1000, atMs: performance.now() };
}

let last = mark();
let heldMs = 0;

setInterval(() => {
  const now = mark();
  heldMs = Math.max(heldMs, Math.min(now.cpuMs - last.cpuMs, now.atMs - last.atMs));
  last = now;
}, INTERVAL_MS).unref();

function reading(): ProbeReading {
  const { user, system } = process.cpuUsage();
  const { rss } = process.memoryUsage();
  return {
    heldMs,
    rssBytes: rss,
    cpuMs: (user + system) / 1000,
    prototypeKeys: Object.getOwnPropertyNames(Object.prototype).filter(
      (key) => !PROTOTYPE.has(key),
    ),
    polluted: 'polluted' in {} || 'polluted' in Object,
  };
}

process.on('message', (message) => {
  if (message !== 'probe') return;
  // What holds the loop now is seen by the next turn of the timer.
  setTimeout(() => {
    process.send?.({ probe: reading() });
    heldMs = 0;
  }, 3 * INTERVAL_MS);
});
process.channel?.unref();
// Whoever looks has gone: a test that was cut short must leave no gateway behind.
process.on('disconnect', () => process.exit(1));
