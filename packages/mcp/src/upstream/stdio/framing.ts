import type { Writable } from 'node:stream';
import { oneLine, oneLineBytes } from '../../protocol/one-line.ts';

/** A message on its way out; `sent` turns true once it has been handed to the pipe. */
export interface OutgoingLine {
  readonly message: string | Buffer;
  sent: boolean;
}

export interface LineWriter {
  /**
   * Queues one message, as text or UTF-8; all messages of a tick leave in one write.
   * @returns undefined when the queue is full: the peer does not read its input.
   */
  write(message: string | Buffer): OutgoingLine | undefined;
  /** Takes a message back. False when it has left already. */
  drop(line: OutgoingLine): boolean;
}

/**
 * Newline framing onto a pipe. While the pipe is full messages wait here, where they can be taken back;
 * `maxQueuedChars` bounds the wait, counting the bytes of what is UTF-8.
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
      const { message } = line;
      queuedChars -= message.length;
      if (typeof message === 'string') {
        stream.write(`${message}\n`);
      } else {
        stream.write(message);
        stream.write('\n');
      }
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
    write(given) {
      if (queuedChars + given.length > maxQueuedChars && queue.length > 0) return undefined;
      const message = typeof given === 'string' ? oneLine(given) : oneLineBytes(given);
      const line = { message, sent: false };
      queue.push(line);
      queuedChars += message.length;
      if (!scheduled) wait();
      return line;
    },
    drop(line) {
      const at = line.sent ? -1 : queue.indexOf(line);
      if (at === -1) return false;
      queue.splice(at, 1);
      queuedChars -= line.message.length;
      return true;
    },
  };
}
