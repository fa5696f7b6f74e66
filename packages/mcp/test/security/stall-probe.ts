// Loaded into a gateway before anything else (`--import`): measures how long its event loop is held, and tells.

const INTERVAL_MS = 4;

/** The longest turn of the event loop since it was asked last, and what the process holds. */
export interface ProbeReading {
  /**
   * Processor time of the main thread between two turns: what our own work holds up. Other programs that take the
   * processor away do not count.
   */
  readonly heldMs: number;
  /** The same by the clock, with all that the machine did meanwhile. */
  readonly clockMs: number;
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
let clockMs = 0;

setInterval(() => {
  const now = mark();
  heldMs = Math.max(heldMs, now.cpuMs - last.cpuMs);
  clockMs = Math.max(clockMs, now.atMs - last.atMs - INTERVAL_MS);
  last = now;
}, INTERVAL_MS).unref();

function reading(): ProbeReading {
  const { user, system } = process.cpuUsage();
  const { rss } = process.memoryUsage();
  return {
    heldMs,
    clockMs,
    rssBytes: rss,
    cpuMs: (user + system) / 1000,
    prototypeKeys: Object.getOwnPropertyNames(Object.prototype).filter((key) => !PROTOTYPE.has(key)),
    polluted: 'polluted' in {} || 'polluted' in Object,
  };
}

process.on('message', (message) => {
  if (message !== 'probe') return;
  // What holds the loop now is seen by the next turn of the timer.
  setTimeout(() => {
    process.send?.({ probe: reading() });
    heldMs = 0;
    clockMs = 0;
  }, 3 * INTERVAL_MS);
});
process.channel?.unref();
