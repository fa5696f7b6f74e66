/** Writes bytes at a given rate, in order. */
export interface PacedWriter {
  /** Queues bytes; `done` is called once they are written. */
  write(chunk: Buffer, done?: () => void): void;
  /** Drops what is queued. */
  stop(): void;
}

const TICK_MS = 20;

/** Creates a writer that passes on `bytesPerSecond`, one byte a tick at least. */
export function createPacedWriter(
  bytesPerSecond: number,
  send: (chunk: Buffer) => void,
): PacedWriter {
  const perTick = Math.max(1, Math.floor((bytesPerSecond * TICK_MS) / 1000));
  const tickMs = Math.max(TICK_MS, 1000 / bytesPerSecond);
  const queue: { chunk: Buffer; done?: (() => void) | undefined }[] = [];
  let timer: NodeJS.Timeout | undefined;

  function tick(): void {
    const [first] = queue;
    if (first === undefined) return;
    send(first.chunk.subarray(0, perTick));
    first.chunk = first.chunk.subarray(perTick);
    if (first.chunk.length === 0) {
      queue.shift();
      first.done?.();
    }
    timer = queue.length === 0 ? undefined : setTimeout(tick, tickMs);
  }

  return {
    write(chunk, done) {
      queue.push({ chunk, done });
      timer ??= setTimeout(tick, tickMs);
    },
    stop() {
      clearTimeout(timer);
      queue.length = 0;
    },
  };
}
