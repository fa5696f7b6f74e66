import { Readable } from 'node:stream';
import type { CliIo } from './cli-io.ts';

/** A longer answer than this is none. */
const MAX_ANSWER = 1_000;

/** Up to and with the end of its line; what is too long is no answer. */
async function firstLine(io: CliIo): Promise<string> {
  let text = '';
  for await (const chunk of io.stdin) {
    text += String(chunk);
    const end = text.indexOf('\n');
    if (end !== -1 || text.length > MAX_ANSWER) return text.slice(0, end + 1);
  }
  return text;
}

/**
 * Asks a person a question that `y` or `yes` agrees to; anything else, the end of the input and a signal do not. Reads
 * no more of the input afterwards.
 */
export async function ask(io: CliIo, question: string): Promise<boolean> {
  const { signal, stdin } = io;
  io.stdout.write(question);
  const stopped = Promise.withResolvers<string>();
  const stop = (): void => stopped.resolve('');
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    const answer = await Promise.race([firstLine(io), stopped.promise]);
    // The terminal has shown the end of a line that was typed, and of nothing else.
    if (!answer.endsWith('\n')) io.stdout.write('\n');
    return /^y(?:es)?$/iu.test(answer.trim());
  } catch {
    return false; // a terminal that went away says nothing
  } finally {
    signal.removeEventListener('abort', stop);
    // A terminal that is still being read would keep the process.
    if (stdin instanceof Readable) stdin.destroy();
  }
}
