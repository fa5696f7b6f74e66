// Does what pm2 does in cluster mode: starts workers, and replaces one after the new one has said that it is ready.
import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';

const [killMs, exec = '', ...args] = process.argv.slice(2);
/** As `kill_timeout` of pm2. */
const KILL_TIMEOUT_MS = Number(killMs);

cluster.setupPrimary({ exec, args, execArgv: ['--conditions=cortex-source'], silent: true });

async function start(): Promise<Worker> {
  const worker = cluster.fork();
  worker.process.stderr?.pipe(process.stderr);
  worker.process.stdout?.pipe(process.stdout);
  for (;;) {
    const [message] = (await once(worker, 'message')) as [unknown];
    if (message === 'ready') return worker;
  }
}

/** pm2 sends SIGINT for a reload, whatever its settings say. */
async function stop(worker: Worker): Promise<{ code: number | null; signal: string | null }> {
  const ended = once(worker, 'exit') as Promise<[number | null, string | null]>;
  worker.process.kill('SIGINT');
  const timer = setTimeout(() => worker.process.kill('SIGKILL'), KILL_TIMEOUT_MS);
  const [code, signal] = await ended;
  clearTimeout(timer);
  return { code, signal };
}

let current = await start();
process.send?.({ kind: 'ready', pid: current.process.pid });
process.on('message', (command) => {
  void (async () => {
    if (command === 'reload') {
      const next = await start();
      process.send?.({ kind: 'overlap', pid: next.process.pid });
      const end = await stop(current);
      current = next;
      process.send?.({ kind: 'reloaded', ...end });
    } else {
      process.send?.({ kind: 'stopped', ...(await stop(current)) });
      process.exit(0);
    }
  })();
});
