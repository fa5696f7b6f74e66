import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** How the text of a file may be sent. */
export type AssetCoding = 'br' | 'gzip' | 'identity';

/** One file of the page, held in memory. */
export interface PageAsset {
  readonly type: string;
  /** Its name changes with its content. */
  readonly isHashed: boolean;
  /** Of `identity`; others have the coding in theirs. Without quotes. */
  readonly hash: string;
  readonly bodies: ReadonlyMap<AssetCoding, Buffer>;
}

/** Files by name; `index.html` among them. */
export type PageAssets = ReadonlyMap<string, PageAsset>;

/** All files with their compressed forms. */
const MAX_BYTES = 1_048_576;
const MAX_FILES = 256;

const TYPES: ReadonlyMap<string, string> = new Map([
  ['html', 'text/html; charset=utf-8'],
  ['js', 'text/javascript; charset=utf-8'],
  ['css', 'text/css; charset=utf-8'],
  ['json', 'application/json'],
  ['svg', 'image/svg+xml'],
  ['png', 'image/png'],
  ['ico', 'image/x-icon'],
  ['woff2', 'font/woff2'],
  ['md', 'text/plain; charset=utf-8'],
  ['txt', 'text/plain; charset=utf-8'],
]);

const CODINGS: readonly (readonly [suffix: string, AssetCoding])[] = [
  ['', 'identity'],
  ['.br', 'br'],
  ['.gz', 'gzip'],
];

/** The page cannot be served; the message says why, for an operator. */
export class PageAssetsError extends Error {
  readonly code = 'PAGE_MISSING';
}

async function readNames(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    throw new PageAssetsError('the status page is not built: run npm run build', { cause });
  }
}

/**
 * Reads the built page: every file of a type that browsers ask for, with its `.br` and `.gz` beside it.
 * @throws PageAssetsError when it is not there, or too large to be held in memory.
 */
export async function readPageAssets(folder: string): Promise<PageAssets> {
  const names = await readNames(folder);
  if (names.length > MAX_FILES) throw tooLarge();
  const there = new Set(names);
  if (!there.has('index.html')) {
    throw new PageAssetsError('the status page is not built: run npm run build');
  }
  const assets = new Map<string, PageAsset>();
  let bytes = 0;
  for (const name of names) {
    const type = TYPES.get(name.slice(name.lastIndexOf('.') + 1));
    if (type === undefined) continue;
    const bodies = new Map<AssetCoding, Buffer>();
    for (const [suffix, coding] of CODINGS) {
      if (!there.has(name + suffix)) continue;
      const body = await readFile(join(folder, name + suffix));
      bytes += body.length;
      if (bytes > MAX_BYTES) throw tooLarge();
      bodies.set(coding, body);
    }
    const plain = bodies.get('identity') ?? Buffer.alloc(0);
    const hash = createHash('sha256').update(plain).digest('base64url').slice(0, 16);
    assets.set(name, { type, isHashed: /-[\w-]{8,}\.\w+$/.test(name), hash, bodies });
  }
  return assets;
}

function tooLarge(): PageAssetsError {
  return new PageAssetsError(`the status page is larger than ${MAX_BYTES} bytes`);
}
