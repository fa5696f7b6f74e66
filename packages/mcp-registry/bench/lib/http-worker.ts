import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

/** A client in a thread of its own, so that its work is no stall of the server. */
export interface HttpClient {
  /** Gets one address after the other; answers with how long each took, in ms. */
  get(urls: readonly string[]): Promise<number[]>;
  stop(): Promise<unknown>;
}

async function getAll(urls: readonly string[]): Promise<number[]> {
  const took: number[] = [];
  for (const url of urls) {
    const startedMs = performance.now();
    const response = await fetch(url);
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`${url}: ${response.status}`);
    took.push(performance.now() - startedMs);
  }
  return took;
}

/** Starts the client. */
export function startHttpClient(): HttpClient {
  const worker = new Worker(fileURLToPath(import.meta.url));
  return {
    get: async (urls) => {
      worker.postMessage(urls, []);
      const [took]: number[][] = await once(worker, 'message');
      return took ?? [];
    },
    stop: async () => worker.terminate(),
  };
}

if (!isMainThread)
  parentPort?.on('message', (urls: readonly string[]) => {
    void getAll(urls).then((took) => parentPort?.postMessage(took, []));
  });
