import { basename, dirname } from 'node:path';
import { constants } from 'node:fs';
import type { FileFacts, FileSystem, OpenFile } from '../../src/store/file-system.ts';

/** A file: what programs see, and what would be left after a power cut. */
interface Node {
  readonly ino: number;
  bytes: Buffer;
  synced: Buffer;
  mode: number;
  mtimeMs: number;
}

/** The disk stops here: this operation and every later one fails, as if the machine had gone. */
export class Stopped extends Error {}

/** What a power cut leaves of unsynced data and names. */
export type PowerCut = 'nothing' | 'everything' | (() => number);

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/**
 * A disk in memory with a page cache: file bytes are safe after a sync of the file, names after a sync of the folder.
 * It counts operations, can stop at any of them, fail chosen ones, and lose what was not synced.
 */
export class CrashDisk implements FileSystem {
  readonly #names = new Map<string, Node>();
  /** Names as of the last folder sync, then each later change in order. */
  #durableNames = new Map<string, Node>();
  #nameLog: Map<string, Node>[] = [];
  #nextIno = 1;
  #clock = 1;
  readonly #descriptors = new Map<number, Node>();
  #nextFd = 100;
  operations = 0;
  readonly log: string[] = [];
  stopAt = Number.POSITIVE_INFINITY;
  /** Set to make operations fail: gets the operation's name and path, returns a code or undefined. */
  fault: (operation: string, path: string) => string | undefined = () => undefined;
  /** Bytes a write may take before it is cut short. */
  shortWrites = false;

  /** After a stop: the disk as the next process finds it. */
  reboot(cut: 'process' | PowerCut): CrashDisk {
    const next = new CrashDisk();
    next.#nextIno = this.#nextIno;
    next.#clock = this.#clock;
    const names = cut === 'process' ? this.#names : this.#namesAfter(cut);
    const nodes = new Map<Node, Node>();
    for (const [path, node] of names) {
      const bytes = cut === 'process' ? node.bytes : bytesAfter(node, cut);
      const kept = nodes.get(node) ?? { ...node, bytes, synced: bytes };
      nodes.set(node, kept);
      next.#names.set(path, kept);
    }
    next.#durableNames = new Map(next.#names);
    return next;
  }

  paths(): string[] {
    return [...this.#names.keys()];
  }

  text(path: string): string | undefined {
    return this.#names.get(path)?.bytes.toString();
  }

  /** Puts a file there, durably. */
  put(path: string, bytes: string | Buffer): void {
    const node = this.#create(Buffer.from(bytes), 0o600);
    node.synced = node.bytes;
    this.#names.set(path, node);
    this.#durableNames.set(path, node);
  }

  async open(path: string, flags: number, mode = 0o666): Promise<OpenFile> {
    this.#step('open', path);
    let node = this.#names.get(path);
    if (node !== undefined && (flags & constants.O_EXCL) !== 0) throw systemError('EEXIST');
    if (node === undefined) {
      if ((flags & constants.O_CREAT) === 0) throw systemError('ENOENT');
      node = this.#create(Buffer.alloc(0), mode);
      this.#names.set(path, node);
      this.#nameLog.push(new Map(this.#names));
    }
    return this.#handle(path, node);
  }

  async rename(from: string, to: string): Promise<void> {
    this.#step('rename', to);
    const node = this.#names.get(from);
    if (node === undefined) throw systemError('ENOENT');
    // POSIX: two names of one file, nothing happens and both stay.
    if (this.#names.get(to) === node) return;
    this.#names.set(to, node);
    this.#names.delete(from);
    this.#nameLog.push(new Map(this.#names));
  }

  async link(existing: string, created: string): Promise<void> {
    this.#step('link', created);
    const node = this.#names.get(existing);
    if (node === undefined) throw systemError('ENOENT');
    if (this.#names.has(created)) throw systemError('EEXIST');
    this.#names.set(created, node);
    this.#nameLog.push(new Map(this.#names));
  }

  async copyFile(from: string, to: string): Promise<void> {
    this.#step('copyFile', to);
    const node = this.#names.get(from);
    if (node === undefined) throw systemError('ENOENT');
    this.#names.set(to, this.#create(node.bytes, node.mode));
    this.#nameLog.push(new Map(this.#names));
  }

  async unlink(path: string): Promise<void> {
    this.#step('unlink', path);
    if (!this.#names.delete(path)) throw systemError('ENOENT');
    this.#nameLog.push(new Map(this.#names));
  }

  async makeFolder(path: string): Promise<void> {
    this.#step('makeFolder', path);
  }

  async list(folder: string): Promise<string[]> {
    this.#step('list', folder);
    return this.paths()
      .filter((path) => dirname(path) === folder)
      .map((path) => basename(path));
  }

  async facts(path: string): Promise<FileFacts> {
    this.#step('facts', path);
    const node = this.#names.get(path);
    if (node !== undefined) return this.#factsOf(node);
    if (this.paths().some((one) => dirname(one) === path) || !path.includes('.'))
      return { ...this.#factsOf(this.#create(Buffer.alloc(0), 0o40700)), isFile: () => false };
    throw systemError('ENOENT');
  }

  async chmod(path: string, mode: number): Promise<void> {
    this.#step('chmod', path);
    const node = this.#names.get(path);
    if (node !== undefined) node.mode = mode;
  }

  async syncFolder(path: string): Promise<void> {
    this.#step('syncFolder', path);
    this.#durableNames = new Map(this.#names);
    this.#nameLog = [];
  }

  async kind(): Promise<number> {
    return 0xef53;
  }

  writeNow(fd: number, bytes: Uint8Array, position: number): void {
    const node = this.#descriptors.get(fd);
    if (node === undefined) throw systemError('EBADF');
    this.#step('writeNow', '');
    this.#write(node, bytes, position);
    node.synced = node.bytes;
  }

  createNow(path: string, bytes: Uint8Array): void {
    this.#step('createNow', path);
    this.put(path, Buffer.from(bytes));
  }

  watch(): () => void {
    return () => undefined;
  }

  #handle(path: string, node: Node): OpenFile {
    const fd = this.#nextFd++;
    this.#descriptors.set(fd, node);
    // A file is known by the name it has now, as a journal is that was started under another.
    const step = (operation: string) => this.#step(operation, this.#nameOf(node) ?? path);
    return {
      fd,
      read: async (buffer, offset, length, position) => {
        step('read');
        const bytesRead = node.bytes.copy(buffer, offset, position, position + length);
        return { bytesRead };
      },
      write: async (buffer, offset, length, position) => {
        step('write');
        const take = this.shortWrites && length > 1 ? length >> 1 : length;
        this.#write(node, buffer.subarray(offset, offset + take), position);
        return { bytesWritten: take };
      },
      datasync: async () => {
        step('datasync');
        node.synced = node.bytes;
      },
      sync: async () => {
        step('sync');
        node.synced = node.bytes;
      },
      truncate: async (length) => {
        step('truncate');
        node.bytes = node.bytes.subarray(0, length);
        node.mtimeMs = this.#clock++;
      },
      stat: async () => this.#factsOf(node),
      close: async () => {
        this.#descriptors.delete(fd);
      },
    };
  }

  #nameOf(node: Node): string | undefined {
    const names = this.paths().filter((path) => this.#names.get(path) === node);
    return names.find((path) => !path.includes('.prev')) ?? names[0];
  }

  #write(node: Node, bytes: Uint8Array, position: number): void {
    const size = Math.max(node.bytes.length, position + bytes.length);
    const next = Buffer.alloc(size);
    node.bytes.copy(next);
    next.set(bytes, position);
    node.bytes = next;
    node.mtimeMs = this.#clock++;
  }

  #step(operation: string, path: string): void {
    this.operations++;
    this.log.push(`${operation} ${basename(path)}`);
    if (this.operations >= this.stopAt)
      throw new Stopped(`stopped at operation ${this.operations}`);
    const code = this.fault(operation, path);
    if (code !== undefined) throw systemError(code);
  }

  #create(bytes: Buffer, mode: number): Node {
    return { ino: this.#nextIno++, bytes, synced: Buffer.alloc(0), mode, mtimeMs: this.#clock++ };
  }

  #factsOf(node: Node): FileFacts {
    const links = [...this.#names.values()].filter((one) => one === node).length;
    return {
      ino: node.ino,
      dev: 1,
      size: node.bytes.length,
      mode: node.mode,
      nlink: links,
      mtimeMs: node.mtimeMs,
      isFile: () => true,
      isSymbolicLink: () => false,
    };
  }

  #namesAfter(cut: PowerCut): Map<string, Node> {
    if (cut === 'everything') return this.#names;
    if (cut === 'nothing' || this.#nameLog.length === 0) return this.#durableNames;
    const kept = Math.floor(cut() * (this.#nameLog.length + 1));
    return kept === 0 ? this.#durableNames : (this.#nameLog[kept - 1] ?? this.#durableNames);
  }
}

/** Data that was not synced: gone, there, or a mixture of old and new blocks with zeros where nothing was. */
function bytesAfter(node: Node, cut: PowerCut): Buffer {
  if (cut === 'nothing') return node.synced;
  if (cut === 'everything') return node.bytes;
  const length = cut() < 0.5 ? node.bytes.length : node.synced.length;
  const mixed = Buffer.alloc(length);
  const blockBytes = 64;
  for (let at = 0; at < length; at += blockBytes) {
    const from = cut() < 0.5 ? node.bytes : node.synced;
    mixed.set(from.subarray(at, Math.min(at + blockBytes, length)), at);
  }
  // A sync promised these bytes unless they were overwritten since.
  if (node.bytes.subarray(0, node.synced.length).equals(node.synced)) node.synced.copy(mixed);
  return mixed.length >= node.synced.length ? mixed : node.synced;
}
