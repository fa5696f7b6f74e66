import { createHash } from 'node:crypto';
import { mkdir, rename, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { createPace } from '../protocol/pace.ts';
import type { KeptSession, SessionMemory } from '../gateway/session/session-memory.ts';
import { appendToFile, openToRead } from './session-file.ts';

export interface SessionJournalLimits {
  /** A session nobody wrote of for this long is forgotten. Default 24 h. */
  readonly maxAgeMs: number;
  /** Sessions of other processes that are held in memory; the oldest give way. Default 10000. */
  readonly maxSessions: number;
  /** Of one session on disk, in characters; a larger one ends with its process. Default 16384. */
  readonly maxLine: number;
  /** The file is written anew when it is larger, in bytes, with the newest sessions that fill three quarters. Default 8 MiB. */
  readonly maxBytes: number;
}
const DEFAULT_LIMITS: SessionJournalLimits = {
  maxAgeMs: 86_400_000,
  maxSessions: 10_000,
  maxLine: 16_384,
  maxBytes: 8 * 1_048_576,
};

export interface SessionJournalOptions {
  /** `sessions.jsonl` of the state folder (0600). */
  readonly path: string;
  /** Whether this process may write the file anew; all may append. */
  readonly mayCompact: () => boolean;
  /** What cannot be written is lost with the process. */
  readonly onError: (error: unknown) => void;
  readonly limits?: Partial<SessionJournalLimits>;
}

/** Lines that come together are written together. */
const GATHER_MS = 5;
/** Times its size the file may have before any process writes it anew, and that are read of it. */
const MAX_READ = 4;
/** Of the size of the file, what may be in it once it was written anew. */
const KEPT_SHARE = 0.75;
/** Another process may be about to write what is looked for. */
const LOOK_AGAIN_MS = [25, 100] as const;

const lineSchema = z.object({
  /** Not the id: whoever reads the file cannot use the session. */
  session: z.string().length(43),
  atMs: z.number(),
  /** Absent: it is over. */
  kept: z
    .object({
      connectorId: z.string().optional(),
      principalId: z.string(),
      client: z.object({
        protocolVersion: z.string(),
        capabilities: z.record(z.string(), z.unknown()),
        infoText: z.string().optional(),
      }),
      logLevel: z.string().optional(),
      resources: z.array(z.string()),
    })
    .optional(),
});
type Line = z.infer<typeof lineSchema>;

function nameOf(id: string): string {
  return createHash('sha256').update(`cortex-mcp session\n${id}`).digest('base64url');
}

function parseLine(text: string): Line | undefined {
  try {
    return lineSchema.parse(JSON.parse(text));
  } catch {
    // The end of a line that was cut by a crash, or somebody else's: it says nothing of any session.
    return undefined;
  }
}

class FileSessionJournal implements SessionMemory {
  readonly #options: SessionJournalOptions;
  readonly #limits: SessionJournalLimits;
  /** What the file says, the last line of each session; oldest first. */
  readonly #known = new Map<string, Line>();
  #read = { ino: -1, end: 0 };
  readonly #waiting: string[] = [];
  /** Characters written since the file was last read. */
  #unseen = 0;
  #writing: Promise<void> | undefined;
  #reading: Promise<void> | undefined;

  constructor(options: SessionJournalOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
  }

  keep(id: string, kept: KeptSession): void {
    this.#append({ session: nameOf(id), atMs: Date.now(), kept: plain(kept) });
  }

  forget(id: string): void {
    this.#append({ session: nameOf(id), atMs: Date.now() });
  }

  async recall(id: string): Promise<KeptSession | undefined> {
    const name = nameOf(id);
    for (const pauseMs of [0, ...LOOK_AGAIN_MS]) {
      if (pauseMs > 0) await wait(pauseMs);
      await this.flush();
      await this.#catchUpOnce();
      const line = this.#known.get(name);
      if (line !== undefined) return this.#usable(line);
    }
    return undefined;
  }

  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  #usable({ atMs, kept }: Line): KeptSession | undefined {
    if (kept === undefined || Date.now() - atMs > this.#limits.maxAgeMs) return undefined;
    const { connectorId, logLevel, client } = kept;
    return { ...kept, connectorId, logLevel, client: { ...client, infoText: client.infoText } };
  }

  #append(line: Line): void {
    let text = JSON.stringify(line);
    // What was kept of it before is no longer so: it must not come back as it was then.
    if (text.length > this.#limits.maxLine) text = JSON.stringify({ ...line, kept: undefined });
    // A disk that hangs: the oldest are the likeliest to be over.
    if (this.#waiting.length >= this.#limits.maxSessions) this.#waiting.shift();
    this.#waiting.push(text);
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  async #write(): Promise<void> {
    const { path, onError } = this.#options;
    while (this.#waiting.length > 0) {
      await wait(GATHER_MS);
      const lines = this.#waiting.splice(0);
      const text = `\n${lines.join('\n')}\n`;
      try {
        await mkdir(dirname(path), { recursive: true, mode: 0o700 });
        // One write each time, and at the end of the file: processes do not cut each other's lines. The line break comes
        // first as well, so that a line cut by a crash spoils no other.
        await appendToFile(path, text);
        await this.#look(text.length);
      } catch (error) {
        onError(error);
      }
    }
  }

  /** Sees to it that a file nobody reads is written anew as well. */
  async #look(written: number): Promise<void> {
    this.#unseen += written;
    if (this.#unseen < this.#limits.maxBytes / 2) return;
    this.#unseen = 0;
    await this.#catchUpOnce();
  }

  async #catchUpOnce(): Promise<void> {
    this.#reading ??= this.#catchUp().finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
  }

  /** Reads what was written since the last time, by whatever process. */
  async #catchUp(): Promise<void> {
    const { path, onError } = this.#options;
    try {
      const file = await openToRead(path);
      try {
        const { ino, size } = await file.stat();
        if (ino !== this.#read.ino || size < this.#read.end) this.#read = { ino, end: 0 };
        // Of a file beyond all bounds the end counts.
        const end = Math.max(this.#read.end, size - MAX_READ * this.#limits.maxBytes);
        if (size === end) return;
        const bytes = Buffer.alloc(size - end);
        const { bytesRead } = await file.read(bytes, 0, bytes.length, end);
        const whole = bytes.subarray(0, bytes.lastIndexOf(0x0a, bytesRead - 1) + 1);
        this.#read = { ino, end: end + whole.length };
        await this.#take(whole.toString());
        if (this.#isTooLarge(size)) await this.#compact(file);
      } finally {
        await file.close();
      }
    } catch (error) {
      const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      if (!missing) onError(error);
    }
  }

  async #take(text: string): Promise<void> {
    const pace = createPace();
    for (const part of text.split('\n')) {
      if (part !== '') this.#note(parseLine(part));
      await pace();
    }
  }

  #note(line: Line | undefined): void {
    if (line === undefined) return;
    this.#known.delete(line.session);
    this.#known.set(line.session, line);
    const oldest = this.#known.keys().next().value;
    if (this.#known.size > this.#limits.maxSessions && oldest !== undefined) {
      this.#known.delete(oldest);
    }
  }

  /** One process sees to it; when that does not, any. */
  #isTooLarge(size: number): boolean {
    const { maxBytes } = this.#limits;
    return size > MAX_READ * maxBytes || (size > maxBytes && this.#options.mayCompact());
  }

  /**
   * Only the last line of each session is worth its place; the newest ones up to three quarters of the size, or the
   * file would be too large again with the next line and be written anew with each.
   */
  async #compact(old: FileHandle): Promise<void> {
    const { path } = this.#options;
    const next = `${path}.next`;
    const { maxAgeMs, maxBytes } = this.#limits;
    const oldestMs = Date.now() - maxAgeMs;
    const pace = createPace();
    const kept: Line[] = [];
    const texts: string[] = [];
    let bytes = 0;
    for (const line of [...this.#known.values()].toReversed()) {
      await pace();
      if (line.atMs < oldestMs) continue;
      const text = `${JSON.stringify(line)}\n`;
      bytes += Buffer.byteLength(text);
      if (bytes > maxBytes * KEPT_SHARE) break;
      texts.push(text);
      kept.push(line);
    }
    await rm(next, { force: true });
    await writeFile(next, texts.toReversed().join(''), { mode: 0o600, flag: 'wx' });
    await rename(next, path);
    // What others appended meanwhile; the end of a line that never ends is nothing.
    const { size } = await old.stat();
    const rest = Buffer.alloc(Math.max(0, size - this.#read.end));
    await old.read(rest, 0, rest.length, this.#read.end);
    const whole = rest.subarray(0, rest.lastIndexOf(0x0a) + 1);
    if (whole.length > 0) await appendToFile(path, whole);
    this.#known.clear();
    for (const line of kept.toReversed()) this.#known.set(line.session, line);
    // Read anew the next time, from its beginning.
    this.#read = { ino: -1, end: 0 };
  }
}

/** Members that are undefined are left out, as the schema has them. */
function plain(kept: KeptSession): NonNullable<Line['kept']> {
  const { connectorId, principalId, client, logLevel, resources } = kept;
  const { protocolVersion, capabilities, infoText } = client;
  return {
    ...(connectorId !== undefined && { connectorId }),
    principalId,
    client: {
      protocolVersion,
      capabilities: { ...capabilities },
      ...(infoText !== undefined && { infoText }),
    },
    ...(logLevel !== undefined && { logLevel }),
    resources: [...resources],
  };
}

/** Keeps legacy sessions in one file that all processes of a state folder append to. Nothing is read before it is needed. */
export function createSessionJournal(options: SessionJournalOptions): SessionMemory {
  return new FileSessionJournal(options);
}
