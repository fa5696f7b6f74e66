import { readFile, readdir } from 'node:fs/promises';

/** Watches what a process and everything it started hold. */
export interface MemoryWatchOptions {
  readonly pid: number;
  /** More than this of resident memory is too much. */
  readonly maxRssBytes: number;
  /** Called once, with what they held. */
  readonly exceeded: (rssBytes: number) => void;
  /** Default 5000. */
  readonly intervalMs?: number;
}

const DEFAULT_INTERVAL_MS = 5_000;
/** A peak passes; one that is seen so often in a row stays. */
const LOOKS = 2;
/** So much beyond the limit is not waited for. */
const FAR_BEYOND = 1.25;
/** Processes that are added up. */
const MAX_PROCESSES = 256;
const KIB = 1_024;

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return ''; // it has ended meanwhile, or there is no procfs
  }
}

/** Those that any of its threads started. */
async function childrenOf(pid: number): Promise<readonly number[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(
    threads.map(async (thread) => await textOf(`/proc/${pid}/task/${thread}/children`)),
  );
  return lists.flatMap((list) =>
    list
      .split(' ')
      .filter((word) => word !== '')
      .map(Number),
  );
}

/** Resident memory of a process and of all it started that has not left it; 0 where that cannot be seen. */
export async function treeRssBytes(pid: number): Promise<number> {
  const pids = [pid];
  let rssBytes = 0;
  for (const one of pids) {
    const status = await textOf(`/proc/${one}/status`);
    rssBytes += Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * KIB;
    pids.push(...(await childrenOf(one)).slice(0, MAX_PROCESSES - pids.length));
  }
  return rssBytes;
}

/** Looks until it was exceeded or the returned function is called. Holds no event loop open. */
export function watchMemory(options: MemoryWatchOptions): () => void {
  const { pid, maxRssBytes, exceeded, intervalMs = DEFAULT_INTERVAL_MS } = options;
  let looks = 0;
  let busy = false;
  let over = false;
  const end = (): void => {
    over = true;
    clearInterval(timer);
  };
  const look = async (): Promise<void> => {
    const rssBytes = await treeRssBytes(pid);
    busy = false;
    looks = rssBytes > maxRssBytes ? looks + 1 : 0;
    if (over || looks === 0 || (looks < LOOKS && rssBytes <= maxRssBytes * FAR_BEYOND)) return;
    end();
    exceeded(rssBytes);
  };
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    void look();
  }, intervalMs);
  timer.unref();
  return end;
}
