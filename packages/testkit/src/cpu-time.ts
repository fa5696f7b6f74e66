/** A point in the life of this thread. */
interface Mark {
  readonly cpuMs: number;
  readonly atMs: number;
}

function mark(): Mark {
  const { user, system } = process.threadCpuUsage();
  return { cpuMs: (user + system) / 1000, atMs: performance.now() };
}

/**
 * Milliseconds of processor time of this thread that `run` took, or time by the clock where that is less. For what must
 * be quick on a machine that others load: a processor taken away does not count, nor do systems that account for it in
 * lumps. Only for work, not for waits.
 */
export async function cpuMs(run: () => unknown): Promise<number> {
  const before = mark();
  await run();
  const after = mark();
  return Math.min(after.cpuMs - before.cpuMs, after.atMs - before.atMs);
}
