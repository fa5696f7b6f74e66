import { type FSWatcher, watch } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface WatchConfigOptions {
  /** Quiet time after the last change. Default 100. */
  readonly debounceMs?: number;
  /** The file is also looked at this often, for file systems that report nothing. Default 5000. */
  readonly pollMs?: number;
  /** Told what went wrong while watching or in `onChange`; watching goes on. */
  readonly onError?: (error: unknown) => void;
}

export interface ConfigWatcher {
  /** Resolves when the file has been looked at once and its folder is watched. */
  readonly ready: Promise<void>;
  /** Nothing is called after this. Idempotent. */
  close(): void;
}

/** What tells one state of a file from the next; undefined while there is none. */
async function fingerprint(path: string): Promise<string | undefined> {
  try {
    const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return `${ino}:${size}:${mtimeNs}:${ctimeNs}`;
  } catch {
    // Gone, perhaps only between an editor's two steps: the next look decides.
    return undefined;
  }
}

/** The folders whose entries change when the file does: its own, and that of what a link leads to. */
async function foldersOf(path: string): Promise<Set<string>> {
  const folders = new Set([dirname(path)]);
  try {
    folders.add(dirname(await realpath(path)));
  } catch {
    // Not there now: its own folder will tell when it is.
  }
  return folders;
}

class FileWatcher implements ConfigWatcher {
  readonly ready: Promise<void>;
  readonly #path: string;
  readonly #onChange: () => void | Promise<void>;
  readonly #options: Required<WatchConfigOptions>;
  readonly #watchers: FSWatcher[] = [];
  readonly #poll: NodeJS.Timeout;
  #debounce: NodeJS.Timeout | undefined;
  #known: string | undefined;
  #closed = false;

  constructor(
    path: string,
    onChange: () => void | Promise<void>,
    options: Required<WatchConfigOptions>,
  ) {
    this.#path = path;
    this.#onChange = onChange;
    this.#options = options;
    this.#poll = setInterval(() => void this.#look(), options.pollMs).unref();
    this.ready = this.#start();
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#poll);
    clearTimeout(this.#debounce);
    for (const watcher of this.#watchers.splice(0)) watcher.close();
  }

  async #start(): Promise<void> {
    this.#known = await fingerprint(this.#path);
    const folders = await foldersOf(this.#path);
    if (this.#closed) return;
    for (const folder of folders) this.#watchFolder(folder);
  }

  #watchFolder(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#soon());
      watcher.on('error', (error) => this.#options.onError(error));
      this.#watchers.push(watcher);
    } catch (error) {
      this.#options.onError(error);
    }
  }

  #soon(): void {
    if (this.#closed) return;
    clearTimeout(this.#debounce);
    this.#debounce = setTimeout(() => void this.#look(), this.#options.debounceMs).unref();
  }

  async #look(): Promise<void> {
    const current = await fingerprint(this.#path);
    if (this.#closed || current === undefined || current === this.#known) return;
    this.#known = current;
    try {
      await this.#onChange();
    } catch (error) {
      this.#options.onError(error);
    }
  }
}

/**
 * Calls `onChange` after each edit of a file, writes in place, renames over it and links turned elsewhere included.
 * Removing the file is no edit. Never throws and never keeps the process alive.
 */
export function watchConfig(
  path: string,
  onChange: () => void | Promise<void>,
  options: WatchConfigOptions = {},
): ConfigWatcher {
  return new FileWatcher(path, onChange, {
    debounceMs: options.debounceMs ?? 100,
    pollMs: options.pollMs ?? 5_000,
    onError: options.onError ?? (() => undefined),
  });
}
