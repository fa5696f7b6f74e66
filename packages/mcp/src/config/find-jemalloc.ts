import { existsSync } from 'node:fs';

const FILE = 'libjemalloc.so.2';
/** Where distributions put it; Debian and Ubuntu by architecture. */
const FOLDERS = [
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib/aarch64-linux-gnu',
  '/usr/lib64',
  '/usr/lib',
  '/usr/local/lib',
  '/run/current-system/sw/lib',
] as const;

/** The packages that have it. */
export const JEMALLOC_PACKAGES = 'libjemalloc2 (Debian, Ubuntu) or jemalloc (Fedora, Arch, Alpine)';

/** The path of the allocator's library, which may be preloaded; undefined where there is none. */
export function findJemalloc(isThere: (path: string) => boolean = existsSync): string | undefined {
  return FOLDERS.map((folder) => `${folder}/${FILE}`).find(isThere);
}
