import type { Writable } from 'node:stream';
import { oneLine } from '../../protocol/one-line.ts';

/** A message on its way out; `sent` turns true once it has been handed to the pipe. */
export interface OutgoingLine {
  readonly text: string;
  sent: boolean;
}

export interface LineWriter {
  /**
   * Queues one message; all messages of a tick leave in one write.
   * @returns undefined when the queue is full: the peer does not read its input.
   */
  write(text: string): OutgoingLine | undefined;
  /** Takes a message back. False when it has left already. */
  drop(line: OutgoingLine): boolean;
}

/**
 * Newline framing onto a pipe. While the pipe is full messages wait here, where they can be taken back;
 * `maxQueuedChars` bounds the wait.
 */
export function createLineWriter(stream: Writable, maxQueuedChars: number): LineWriter {
  let queue: OutgoingLine[] = [];
  let queuedChars = 0;
  let scheduled = false;

  function flush(): void {
    scheduled = false;
    let next = 0;
    stream.cork();
    for (; next < queue.length && !stream.writableNeedDrain; next += 1) {
      const line = queue[next];
      if (line === undefined) break;
      line.sent = true;
      queuedChars -= line.text.length;
      stream.write(`${line.text}\n`);
    }
    stream.uncork();
    queue = queue.slice(next);
    if (queue.length > 0 && !stream.destroyed) wait();
  }

  function wait(): void {
    scheduled = true;
    if (stream.writableNeedDrain) stream.once('drain', flush);
    else process.nextTick(flush);
  }

  return {
    write(text) {
      if (queuedChars + text.length > maxQueuedChars && queue.length > 0) return undefined;
      const line = { text: oneLine(text), sent: false };
      queue.push(line);
      queuedChars += text.length;
      if (!scheduled) wait();
      return line;
    },
    drop(line) {
      const at = line.sent ? -1 : queue.indexOf(line);
      if (at === -1) return false;
      queue.splice(at, 1);
      queuedChars -= line.text.length;
      return true;
    },
  };
}
