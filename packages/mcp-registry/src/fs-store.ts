import { randomInt } from 'node:crypto';
import process from 'node:process';
import { createDirectRegistry } from './direct-registry.ts';
import { installExitHooks } from './exit-hooks.ts';
import { RegistryMemoryCache } from './memory-cache.ts';
import { RegistryError } from './registry-error.ts';
import { registryPath } from './registry-path.ts';
import type { ServerRecord } from './server-record.ts';
import { openFileStore } from './store/file-store.ts';
import type { RegistryWarning } from './store/store.ts';
import { createTimeSlice } from './store/time-slice.ts';
import { readStored } from './stored-record.ts';

/** Where to look; the default follows the environment at each call, so that a changed one is noticed (defect 23). */
export interface RegistryLocation {
  /** Path of `servers.json`. */
  readonly path?: string | undefined;
}

type Slot =
  | { readonly kind: 'open'; readonly cache: Promise<RegistryMemoryCache> }
  | { readonly kind: 'closing'; readonly done: Promise<void> };

const slots = new Map<string, Slot>();
let opened: readonly RegistryMemoryCache[] = [];
let removeHooks: (() => void) | undefined;

function pathOf(location: RegistryLocation): string {
  return location.path ?? registryPath(process.env);
}

function warn(warning: RegistryWarning): void {
  process.emitWarning(warning.message, { type: 'RegistryWarning', code: warning.kind });
}

const offWords: ReadonlySet<string> = new Set(['false', '0', 'no', 'off']);
const onWords: ReadonlySet<string> = new Set(['', 'true', '1', 'yes', 'on']);

/** `MCP_REGISTRY_MEMORY_CACHE`: off means read and write through to the file. Default: on. */
function usesMemory(): boolean {
  const value = (process.env['MCP_REGISTRY_MEMORY_CACHE'] ?? '').trim().toLowerCase();
  if (!onWords.has(value) && !offWords.has(value))
    process.emitWarning('MCP_REGISTRY_MEMORY_CACHE must be true or false; true is used', {
      type: 'RegistryWarning',
    });
  return !offWords.has(value);
}

async function openCache(path: string): Promise<RegistryMemoryCache> {
  const store = await openFileStore({ path, onWarning: warn });
  try {
    const cache = await RegistryMemoryCache.open(store, {
      random: () => randomInt(2 ** 32) / 2 ** 32,
      onWarning: warn,
    });
    opened = [...opened, cache];
    hookExit();
    return cache;
  } catch (error) {
    await store.close();
    throw error;
  }
}

function hookExit(): void {
  removeHooks ??= installExitHooks(process, {
    flush: async () => {
      await Promise.all(opened.map(async (cache) => cache.flush()));
    },
    close: async () => closeRegistryCache(),
    flushNow: () => {
      for (const cache of opened) cache.flushNow();
    },
    onError: (error) => {
      const message = error instanceof Error ? error.message : 'unknown failure';
      warn({ kind: 'flush-failed', message });
    },
  });
}

/**
 * The cache of a registry, opened on first use and shared by every caller in this process. What it holds is written on
 * normal exit, SIGTERM and SIGINT; call {@link closeRegistryCache} to end it earlier.
 * @throws RegistryError `ECACHEDISABLED` when `MCP_REGISTRY_MEMORY_CACHE` is off, else what opening the files throws.
 */
export async function getRegistryCache(
  location: RegistryLocation = {},
): Promise<RegistryMemoryCache> {
  if (!usesMemory())
    throw new RegistryError(
      'ECACHEDISABLED',
      'Cannot open the memory cache: MCP_REGISTRY_MEMORY_CACHE is off; use readAll, upsert and remove',
    );
  const path = pathOf(location);
  for (;;) {
    const slot = slots.get(path);
    if (slot?.kind === 'open') return slot.cache;
    if (slot?.kind === 'closing') {
      await slot.done;
      continue;
    }
    const cache = openCache(path);
    slots.set(path, { kind: 'open', cache });
    // A failed opening is not remembered: the next caller tries again.
    cache.catch(() => slots.delete(path));
    return cache;
  }
}

async function closeSlot(path: string, pending: Promise<RegistryMemoryCache>): Promise<void> {
  let cache: RegistryMemoryCache;
  try {
    cache = await pending;
  } catch {
    // It never opened, which its caller was told; there is nothing to close.
    return;
  }
  const done = cache.close();
  slots.set(path, { kind: 'closing', done: done.catch(() => undefined) });
  try {
    await done;
  } finally {
    slots.delete(path);
    opened = opened.filter((one) => one !== cache);
    if (opened.length === 0) {
      removeHooks?.();
      removeHooks = undefined;
    }
  }
}

/**
 * Flushes and closes the cache of a registry, or every cache of this process when no path is given.
 * @throws RegistryError when something could not be written; everything is released all the same.
 */
export async function closeRegistryCache(location: RegistryLocation = {}): Promise<void> {
  const chosen = location.path === undefined ? [...slots.keys()] : [location.path];
  const outcomes = await Promise.allSettled(
    chosen.map(async (path) => {
      const slot = slots.get(path);
      if (slot?.kind === 'open') await closeSlot(path, slot.cache);
      else await slot?.done;
    }),
  );
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

const direct = new Map<string, ReturnType<typeof createDirectRegistry>>();

function directRegistry(path: string): ReturnType<typeof createDirectRegistry> {
  let registry = direct.get(path);
  if (registry === undefined) {
    registry = createDirectRegistry({ path, onWarning: warn });
    direct.set(path, registry);
  }
  return registry;
}

/** Copies of every entry; the earlier build's `ServerInfo` fields are always there. */
export async function readAll(location: RegistryLocation = {}): Promise<ServerRecord[]> {
  if (!usesMemory()) return directRegistry(pathOf(location)).readAll();
  const cache = await getRegistryCache(location);
  const slice = createTimeSlice();
  const copies: ServerRecord[] = [];
  for (const stored of cache.storedAll()) {
    copies.push(readStored(stored));
    if (slice.due()) await slice.turn();
  }
  return copies;
}

/** Stores a server under its name. Resolves when it is on disk. Fails like `RegistryMemoryCache.upsert`. */
export async function upsert(record: ServerRecord, location: RegistryLocation = {}): Promise<void> {
  if (!usesMemory()) return directRegistry(pathOf(location)).upsert(record);
  const cache = await getRegistryCache(location);
  return cache.upsert(record);
}

/** Removes a server by name. Resolves, once that is on disk, with whether there was one. */
export async function remove(name: string, location: RegistryLocation = {}): Promise<boolean> {
  if (!usesMemory()) return directRegistry(pathOf(location)).remove(name);
  const cache = await getRegistryCache(location);
  return cache.remove(name);
}
