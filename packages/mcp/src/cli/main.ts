import { homedir } from 'node:os';
import { type Environment, processEnvironment } from '../config/environment.ts';
import type { CliIo, Output } from './cli-io.ts';
import { crashLine } from './crash-report.ts';
import { EXIT_FAILED, exitCodeOfSignal } from './exit-code.ts';
import { runCli } from './run-cli.ts';
import { CRASHED } from './serve-end.ts';

/** How long a reader may take for the rest once a signal has ended the command. */
const FLUSH_AFTER_SIGNAL_MS = 1_000;

/** Writes until the reader goes away, and is silent from then on. */
function createOutput(
  stream: NodeJS.WriteStream,
  stopped: AbortSignal,
): Output & { flush(): Promise<void> } {
  let gone = false;
  stream.on('error', () => {
    // EPIPE (`| head`) or a terminal that was closed: there is no one left to tell.
    gone = true;
  });
  return {
    write: (text) => {
      if (!gone) stream.write(text);
    },
    get unread() {
      return stream.writableLength;
    },
    get gone() {
      return gone;
    },
    abandon: () => {
      gone = true;
    },
    flush: async () => {
      if (gone) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      stream.once('error', () => resolve());
      stream.write('', () => resolve());
      // A pager may be left open for hours, but not after a signal.
      const timer = stopped.aborted ? setTimeout(resolve, FLUSH_AFTER_SIGNAL_MS) : undefined;
      await promise;
      clearTimeout(timer);
    },
  };
}

/** Often enough: it only has to be there. */
const KEEP_ALIVE_MS = 3_600_000;

/** After a fault the rest has this long to be closed. */
const CRASH_CLOSE_MS = 3_000;

/** What must not be shown while nothing is known. */
function nothing(): readonly string[] {
  return [];
}

interface EndWatch {
  readonly crashed: () => boolean;
  readonly hide: NonNullable<CliIo['hide']>;
  readonly unlisten: () => void;
}

/** What ends the command: signals, the message of pm2, and faults of ours. */
function listenForEnd(stop: AbortController, env: Environment): EndWatch {
  let crashed = false;
  let hidden = nothing;
  const onSignal = (name: NodeJS.Signals): void => {
    if (stop.signal.aborted) process.exit(exitCodeOfSignal(name));
    stop.abort(name);
  };
  const onMessage = (message: unknown): void => {
    // pm2 says it once for each stop; it is not somebody who presses a key again.
    if (message === 'shutdown' && !stop.signal.aborted) stop.abort('SIGTERM');
  };
  const onFault = (error: unknown): void => {
    process.stderr.write(crashLine(error, env, Date.now(), hidden()));
    if (crashed) process.exit(EXIT_FAILED);
    crashed = true;
    // What is closing already goes on, but not for long.
    stop.abort(CRASHED);
    setTimeout(() => process.exit(EXIT_FAILED), CRASH_CLOSE_MS).unref();
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, onSignal);
  const faults = ['uncaughtException', 'unhandledRejection'] as const;
  for (const name of faults) process.on(name, onFault);
  if (process.send !== undefined) process.on('message', onMessage);
  const unlisten = (): void => {
    for (const name of signals) process.removeListener(name, onSignal);
    for (const name of faults) process.removeListener(name, onFault);
    process.removeListener('message', onMessage);
  };
  const hide = (texts: () => readonly string[]): void => {
    hidden = texts;
  };
  return { crashed: () => crashed, unlisten, hide };
}

/** Tells the parent; one that has gone away is none of our business. */
function notifyParent(message: string): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}

/**
 * The program `cortex-mcp`. SIGINT, SIGTERM and SIGHUP end the command in order, a second one at once.
 * @param argv without `node` and the program's name.
 * @returns the exit code, when all output has been handed over.
 */
export async function main(argv: readonly string[] = process.argv.slice(2)): Promise<number> {
  const stop = new AbortController();
  const env = processEnvironment();
  const { crashed, unlisten, hide } = listenForEnd(stop, env);
  const stdout = createOutput(process.stdout, stop.signal);
  const stderr = createOutput(process.stderr, stop.signal);
  const io: CliIo = {
    stdin: process.stdin,
    stdout,
    stderr,
    env,
    cwd: process.cwd(),
    home: homedir(),
    isTty: process.stdout.isTTY,
    stderrIsTty: process.stderr.isTTY,
    // Windows change their size.
    get columns() {
      return process.stdout.isTTY ? process.stdout.columns : undefined;
    },
    get rows() {
      return process.stdout.isTTY ? process.stdout.rows : undefined;
    },
    stdinIsTty: process.stdin.isTTY,
    notifyParent,
    hide,
    signal: stop.signal,
  };
  // Many waits keep no process alive by themselves: without this a command whose servers all refuse would just end.
  const running = setInterval(() => undefined, KEEP_ALIVE_MS);
  try {
    const code = await runCli(argv, io);
    return crashed() ? EXIT_FAILED : code;
  } finally {
    clearInterval(running);
    unlisten();
    await Promise.all([stdout.flush(), stderr.flush()]);
  }
}
