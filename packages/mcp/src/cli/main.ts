import { homedir } from 'node:os';
import { processEnvironment } from '../config/environment.ts';
import type { CliIo, Output } from './cli-io.ts';
import { exitCodeOfSignal } from './exit-code.ts';
import { runCli } from './run-cli.ts';

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

/**
 * The program `cortex-mcp`. SIGINT, SIGTERM and SIGHUP end the command in order, a second one at once.
 * @param argv without `node` and the program's name.
 * @returns the exit code, when all output has been handed over.
 */
export async function main(argv: readonly string[] = process.argv.slice(2)): Promise<number> {
  const stop = new AbortController();
  const onSignal = (name: NodeJS.Signals): void => {
    if (stop.signal.aborted) process.exit(exitCodeOfSignal(name));
    stop.abort(name);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, onSignal);
  const stdout = createOutput(process.stdout, stop.signal);
  const stderr = createOutput(process.stderr, stop.signal);
  const io: CliIo = {
    stdin: process.stdin,
    stdout,
    stderr,
    env: processEnvironment(),
    cwd: process.cwd(),
    home: homedir(),
    isTty: process.stdout.isTTY,
    stderrIsTty: process.stderr.isTTY,
    columns: process.stdout.isTTY ? process.stdout.columns : undefined,
    signal: stop.signal,
  };
  try {
    return await runCli(argv, io);
  } finally {
    for (const name of signals) process.removeListener(name, onSignal);
    await Promise.all([stdout.flush(), stderr.flush()]);
  }
}
