import { type FSWatcher, watch } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';

/** Quiet time after the last change. */
const DEBOUNCE_MS = 100;
/** The folder is also looked at this often, for file systems that report nothing. */
const POLL_MS = 5_000;

export interface FolderWatcher {
  /** Nothing is called after this. */
  close(): void;
}

async function changedAt(folder: string): Promise<number> {
  try {
    return (await stat(folder)).mtimeMs;
  } catch {
    // Gone for now: the next look decides.
    return 0;
  }
}

/** Calls `onChange` a moment after files of a folder were written or removed. Keeps no process alive, never throws. */
export function watchFolder(folder: string, onChange: () => void): FolderWatcher {
  let closed = false;
  let watcher: FSWatcher | undefined;
  let debounce: NodeJS.Timeout | undefined;
  let seenAtMs = 0;
  const look = async (): Promise<void> => {
    const atMs = await changedAt(folder);
    if (closed || atMs === seenAtMs) return;
    seenAtMs = atMs;
    onChange();
  };
  const soon = (): void => {
    clearTimeout(debounce);
    debounce = setTimeout(() => void look(), DEBOUNCE_MS).unref();
  };
  const poll = setInterval(() => void look(), POLL_MS).unref();
  const start = async (): Promise<void> => {
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      seenAtMs = await changedAt(folder);
      if (closed) return;
      watcher = watch(folder, { persistent: false }, soon);
      watcher.on('error', () => watcher?.close());
      // What was written between the first reading and now.
      onChange();
    } catch {
      // A folder that cannot be watched is still polled.
    }
  };
  void start();
  return {
    close() {
      closed = true;
      clearInterval(poll);
      clearTimeout(debounce);
      watcher?.close();
    },
  };
}
