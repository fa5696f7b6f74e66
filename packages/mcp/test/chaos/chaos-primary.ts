// The primary of a cluster with one worker, the gateway: starts it, ends it, and replaces it as pm2 does in a reload.
import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';

export type PrimaryCommand =
  | { readonly kind: 'up' }
  | { readonly kind: 'down'; readonly signal: NodeJS.Signals }
  | { readonly kind: 'reload' };

export type PrimaryReport =
  | { readonly kind: 'up'; readonly pid: number }
  | { readonly kind: 'down'; readonly code: number | null }
  /** The new one serves, and the old one has ended. */
  | { readonly kind: 'reload'; readonly pid: number; readonly code: number | null }
  /** It has ended unasked, or before it served. */
  | { readonly kind: 'died'; readonly why: string };

const [execArgv = '[]', exec = '', ...args] = process.argv.slice(2);
cluster.setupPrimary({ exec, args, execArgv: JSON.parse(execArgv) as string[], silent: true });

const asked = new WeakSet<Worker>();
let current: Worker | undefined;

function report(what: PrimaryReport): void {
  process.send?.(what);
}

async function start(): Promise<Worker> {
  const worker = cluster.fork();
  worker.process.stderr?.pipe(process.stderr);
  worker.process.stdout?.resume();
  worker.once('exit', (code: number | null, signal: string | null) => {
    if (!asked.has(worker)) report({ kind: 'died', why: String(code ?? signal) });
  });
  await new Promise<void>((resolve) => {
    worker.on('message', (message: unknown) => {
      if (message === 'ready') resolve();
    });
    worker.once('exit', () => resolve());
  });
  return worker;
}

async function stop(worker: Worker, signal: NodeJS.Signals): Promise<number | null> {
  asked.add(worker);
  const ended = once(worker, 'exit') as Promise<[number | null, string | null]>;
  worker.process.kill(signal);
  return (await ended)[0];
}

async function obey(command: PrimaryCommand): Promise<void> {
  const before = current;
  if (command.kind === 'down') {
    current = undefined;
    report({
      kind: 'down',
      code: before === undefined ? null : await stop(before, command.signal),
    });
    return;
  }
  current = await start();
  const pid = current.process.pid ?? 0;
  if (command.kind === 'up') report({ kind: 'up', pid });
  // As pm2: SIGINT, whatever its settings say.
  else if (before !== undefined)
    report({ kind: 'reload', pid, code: await stop(before, 'SIGINT') });
}

process.on('message', (command) => void obey(command as PrimaryCommand));
// Whoever started it is gone.
process.once('disconnect', () => {
  current?.process.kill('SIGKILL');
  process.exit(0);
});
