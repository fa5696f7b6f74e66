import { appendAtExit } from './append-at-exit.ts';
import { AuditFile, type AuditFileOptions } from './audit-file.ts';
import { createCallLines, eventLine, type AuditEvent, type CallRecord } from './audit-line.ts';

export interface AuditLogOptions extends AuditFileOptions {
  /** Longest time a record waits in memory. Default 50. */
  readonly flushMs?: number | undefined;
  /** Records of this size together are written at once. Default 256 KiB. */
  readonly flushBytes?: number | undefined;
  /** What waits in memory while the disk does not take it; records beyond it are lost. Default 4 MiB. */
  readonly maxQueuedBytes?: number | undefined;
  /**
   * Told once when records cannot be written, with the reason, and once, without, when they can again.
   * @param lost records lost so far.
   */
  readonly onTrouble?: ((error: unknown, lost: number) => void) | undefined;
  /** Told once, when it is closed or the process ends, of lost records that the log does not speak of. */
  readonly onLost?: ((lost: number) => void) | undefined;
}

/** After a failure the disk is asked again after this, doubling up to the maximum. */
const RETRY_MS = { min: 1_000, max: 30_000 } as const;
/** Bytes of one write: whole lines only as long as it is one. */
const MAX_WRITE_BYTES = 1024 * 1024;
/** How long `close` waits for a disk that hangs. */
const CLOSE_MS = 2_000;

/**
 * The append-only log of calls (S18): lines wait in memory for at most 50 ms and are written together, one write at a
 * time. A full disk loses records, counted, and never a call.
 */
export class AuditLog {
  readonly #options: AuditLogOptions;
  readonly #file: AuditFile;
  readonly #flushMs: number;
  readonly #flushBytes: number;
  readonly #maxQueuedBytes: number;
  readonly #callLine: (record: CallRecord) => string = createCallLines();
  #lines: string[] = [];
  /** Of `#lines`, each with its end. */
  #bytes = 0;
  /** Lines on their way, as bytes. */
  #pending: Buffer | undefined;
  #timer: NodeJS.Timeout | undefined;
  #draining: Promise<void> | undefined;
  #retryMs: number = RETRY_MS.min;
  #failing = false;
  #closed = false;
  /** Hears of the end of the process. */
  #watching = false;
  #taken = 0;
  #lost = 0;
  #lostTold = 0;

  constructor(options: AuditLogOptions) {
    this.#options = options;
    this.#file = new AuditFile(options);
    this.#flushMs = options.flushMs ?? 50;
    this.#flushBytes = options.flushBytes ?? 256 * 1024;
    this.#maxQueuedBytes = options.maxQueuedBytes ?? 4 * 1024 * 1024;
  }

  /** Whether the last write failed: what is recorded now may be lost. */
  get failing(): boolean {
    return this.#failing;
  }

  /** Records given so far, those that were lost included. */
  get taken(): number {
    return this.#taken;
  }

  /** Records lost so far. */
  get lost(): number {
    return this.#lost;
  }

  call(record: CallRecord): void {
    this.#add(this.#callLine(record));
  }

  event(record: AuditEvent): void {
    this.#add(eventLine(record));
  }

  /** Finds out whether the file can be written; `failing` says so afterwards. Never rejects. */
  async open(): Promise<void> {
    try {
      await this.#file.open();
    } catch (error) {
      this.#fail(error);
      this.#schedule();
    }
  }

  /** Resolves when every record taken before is written, or could not be. Never rejects. */
  async flush(): Promise<void> {
    const upTo = this.#taken;
    await this.#draining;
    do {
      if (this.#bytes === 0 && this.#pending === undefined) return;
      await this.#drain();
    } while (!this.#failing && this.#taken - this.#lines.length < upTo);
  }

  /** Writes what is left, has it put on the disk, and takes no more. Never rejects. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    process.removeListener('exit', this.#atExit);
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, CLOSE_MS);
    await Promise.race([this.#finish(), late]);
    clearTimeout(timer);
    // Of a disk that hangs nobody knows what it still takes: what is not known to be there is lost.
    this.#lose(linesIn(this.#pending) + this.#lines.length);
    this.#tellLost();
  }

  #tellLost(): void {
    const lost = this.#lost - this.#lostTold;
    if (lost > 0) this.#options.onLost?.(lost);
  }

  async #finish(): Promise<void> {
    await this.flush();
    try {
      await this.#file.sync();
      await this.#file.close();
    } catch (error) {
      this.#fail(error);
    }
  }

  #add(line: string): void {
    const bytes = line.length + 1;
    this.#taken += 1;
    if (this.#closed || this.#bytes + bytes > this.#maxQueuedBytes) {
      this.#lose(1);
      return;
    }
    this.#lines.push(line);
    this.#bytes += bytes;
    if (this.#draining !== undefined) return;
    if (this.#bytes >= this.#flushBytes && !this.#failing) void this.#drain();
    else this.#schedule();
  }

  async #drain(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#draining ??= this.#writeAll().finally(() => {
      this.#draining = undefined;
      // What failed is tried again, even when nothing is left to write: calls may wait for that.
      if (this.#bytes > 0 || this.#pending !== undefined || this.#failing) this.#schedule();
    });
    await this.#draining;
  }

  async #writeAll(): Promise<void> {
    try {
      await this.#file.open();
      for (this.#pending ??= this.#take(); this.#pending !== undefined;) {
        const taken = await this.#file.append(this.#pending);
        const rest = this.#pending.subarray(taken);
        if (rest.length > 0) this.#pending = rest;
        // What came meanwhile waits for more: a write costs as much as making a hundred records.
        else this.#pending = this.#bytes >= this.#flushBytes ? this.#take() : undefined;
      }
      this.#recover();
    } catch (error) {
      this.#fail(error);
      // It may be another file next time, or none.
      await this.#file.close().catch(() => undefined);
    }
  }

  /** The next lines to write; undefined when there are none. */
  #take(): Buffer | undefined {
    if (this.#lines.length === 0) return undefined;
    if (this.#bytes <= MAX_WRITE_BYTES) {
      const text = `${this.#lines.join('\n')}\n`;
      this.#lines = [];
      this.#bytes = 0;
      return Buffer.from(text, 'latin1');
    }
    let count = 0;
    let bytes = 0;
    for (const line of this.#lines) {
      if (bytes + line.length + 1 > MAX_WRITE_BYTES) break;
      bytes += line.length + 1;
      count += 1;
    }
    this.#bytes -= bytes;
    return Buffer.from(`${this.#lines.splice(0, count).join('\n')}\n`, 'latin1');
  }

  /** The process ends without waiting: what is not written yet is written now, or said to be lost. */
  readonly #atExit = (): void => {
    const lines = this.#lines.splice(0);
    const text = `${lines.join('\n')}\n`;
    const isKept = lines.length === 0 || appendAtExit(this.#options.path, text);
    this.#lose(linesIn(this.#pending) + (isKept ? 0 : lines.length));
    this.#tellLost();
  };

  #schedule(): void {
    if (this.#closed || this.#timer !== undefined) return;
    if (!this.#watching) {
      this.#watching = true;
      process.once('exit', this.#atExit);
    }
    const waitMs = this.#failing ? this.#retryMs : this.#flushMs;
    if (this.#failing) this.#retryMs = Math.min(RETRY_MS.max, this.#retryMs * 2);
    this.#timer = setTimeout(() => void this.#drain(), waitMs).unref();
  }

  #lose(count: number): void {
    this.#lost += count;
  }

  #fail(error: unknown): void {
    if (this.#failing) return;
    this.#failing = true;
    this.#options.onTrouble?.(error, this.#lost);
  }

  #recover(): void {
    if (!this.#failing) return;
    this.#failing = false;
    this.#retryMs = RETRY_MS.min;
    this.#options.onTrouble?.(undefined, this.#lost);
    const lost = this.#lost - this.#lostTold;
    this.#lostTold = this.#lost;
    if (lost > 0 && !this.#closed)
      this.event({ atMs: Date.now(), event: 'records-lost', detail: String(lost) });
  }
}

function linesIn(bytes: Buffer | undefined): number {
  let count = 0;
  for (const byte of bytes ?? []) if (byte === 0x0a) count += 1;
  return count;
}
