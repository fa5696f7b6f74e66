import { open, rename } from 'node:fs/promises';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { ServerRecord } from '../../src/server-record.ts';
import { benchRecord, changedRecords } from './bench-record.ts';
import { watchStalls } from './figures.ts';

/** One flush of the earlier design. */
export interface WholeFileFlush {
  readonly tookMs: number;
  readonly longestStallMs: number;
}

interface Setup {
  readonly path: string;
  readonly size: number;
  readonly sync: boolean;
}

/** Writes the whole list as 2-space JSON beside the file, with `sync` makes it durable, and renames it. */
async function flush(servers: ReadonlyMap<string, ServerRecord>, setup: Setup): Promise<void> {
  const text = JSON.stringify({ servers: [...servers.values()] }, undefined, 2);
  const file = await open(`${setup.path}.tmp`, 'w', 0o600);
  try {
    await file.writeFile(text);
    if (setup.sync) await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${setup.path}.tmp`, setup.path);
}

/** The thread's side: flushes once for every round it is told. */
function serve(setup: Setup): void {
  const servers = new Map<string, ServerRecord>();
  for (let index = 0; index < setup.size; index++) {
    const record = benchRecord(index, 0);
    servers.set(record.name, record);
  }
  const stalls = watchStalls();
  const answer = async (round: number) => {
    for (const record of changedRecords(setup.size, round)) servers.set(record.name, record);
    stalls.take();
    const started = performance.now();
    await flush(servers, setup);
    const tookMs = performance.now() - started;
    parentPort?.postMessage({ tookMs, longestStallMs: Math.max(0, ...stalls.take().loopMs) }, []);
  };
  parentPort?.on('message', (round: number) => void answer(round));
  parentPort?.postMessage('ready', []);
}

/**
 * The earlier design in a thread of its own, so that its garbage is not collected on the time of what it is compared
 * with. Without `sync` it is the earlier build as it was; with it, as durable as a file without its folder can be.
 */
export async function startWholeFile(setup: Setup) {
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: setup });
  await once(worker, 'message');
  return {
    flush: async (round: number): Promise<WholeFileFlush> => {
      worker.postMessage(round, []);
      const [result]: WholeFileFlush[] = await once(worker, 'message');
      return result ?? { tookMs: Number.NaN, longestStallMs: Number.NaN };
    },
    stop: async () => worker.terminate(),
  };
}

if (!isMainThread) serve(workerData);
