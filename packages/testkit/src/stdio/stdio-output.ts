import type { Writable } from 'node:stream';
import { alterAnswer, oversizeAnswer } from '../alter-answer.ts';
import type { StdioFault } from '../fault.ts';
import { createPacedWriter } from '../paced-writer.ts';

const DEFAULT_AFTER_BYTES = 10;
const DEFAULT_LINE_BYTES = 64 * 1024;
const DEFAULT_NOISE_BYTES = 32;

/** The one stream to the client: in order, and bent by faults. */
export interface StdioOutput {
  /** Sends a line as it is. */
  line(text: string): void;
  /** Sends the real answer to a request that met a fault, the way the fault has it. */
  faulty(fault: StdioFault, answer: string): void;
  /** Sends an oversized answer. */
  oversize(id: unknown, bytes: number): void;
  /** Stops pending timers. */
  stop(): void;
}

type Job = (done: () => void) => void;

/**
 * Creates the output. `closeStdout` must close the real descriptor: process.stdout cannot be closed through its stream.
 */
export function createStdioOutput(stdout: Writable, closeStdout: () => void): StdioOutput {
  const queue: Job[] = [];
  let busy = false;
  let writer: { stop(): void } | undefined;

  function next(): void {
    const job = queue.shift();
    busy = job !== undefined;
    job?.(next);
  }
  function enqueue(job: Job): void {
    queue.push(job);
    if (!busy) next();
  }
  const write = (chunk: string | Buffer): void =>
    enqueue((done) => stdout.write(chunk, () => done()));
  const silence = (): void =>
    enqueue(() => {
      // Never done: nothing that is queued behind it is sent any more.
    });

  function slowly(bytesPerSecond: number, text: string): void {
    enqueue((done) => {
      const paced = createPacedWriter(bytesPerSecond, (chunk) => stdout.write(chunk));
      writer = paced;
      paced.write(Buffer.from(text), done);
    });
  }

  function odd(fault: StdioFault & { kind: 'odd-content' }, answer: string): void {
    if (fault.form === 'endless-line') {
      write('x'.repeat(fault.bytes ?? DEFAULT_LINE_BYTES));
      silence();
    } else if (fault.form === 'noise') {
      write(
        `${'noise '.repeat((fault.bytes ?? DEFAULT_NOISE_BYTES) / 6 + 1)}\n\n[info] {}\n${answer}\n`,
      );
    } else {
      write(`${alterAnswer(fault.form, answer)}\n`);
    }
  }

  return {
    line: (text) => write(`${text}\n`),
    faulty(fault, answer) {
      if (fault.kind === 'odd-content') odd(fault, answer);
      if (fault.kind === 'slow-bytes') slowly(fault.bytesPerSecond, `${answer}\n`);
      if (fault.kind !== 'hang-mid-body' && fault.kind !== 'reset') return;
      if (fault.kind === 'hang-mid-body' || fault.at === 'mid-body') {
        write(answer.slice(0, fault.afterBytes ?? DEFAULT_AFTER_BYTES));
      }
      if (fault.kind === 'reset') enqueue(() => closeStdout());
      else silence();
    },
    oversize(id, bytes) {
      for (const slice of oversizeAnswer(id, bytes)) write(slice);
      write('\n');
    },
    stop() {
      writer?.stop();
      queue.length = 0;
    },
  };
}
