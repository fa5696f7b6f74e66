import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));
/** Below a package, whose dependencies a bundle finds from there. */
const CACHE = 'node_modules/.cache/bench';
/** Bundles of code that has changed since are kept so long. */
const KEPT_MS = 3_600_000;

function build(source: string, folder: string): void {
  const args = ['-c', 'bench/rolldown.config.mjs'];
  const built = spawnSync(join(source, 'node_modules/.bin/rolldown'), args, {
    cwd: source,
    env: { ...process.env, CORTEX_BENCH_BUNDLES: folder },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (built.error !== undefined) throw built.error;
  if (built.status !== 0) throw new Error('the service cannot be bundled');
}

/** A name for what is in the folder: compiled code is kept by the path of its file. */
function hashOf(folder: string): string {
  const hash = createHash('sha256');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted();
  for (const file of files) {
    if (file.endsWith('.js') || file.endsWith('.cjs'))
      hash.update(readFileSync(join(folder, file)));
  }
  return hash.digest('hex').slice(0, 16);
}

function removeOld(cache: string): void {
  for (const name of readdirSync(cache)) {
    const folder = join(cache, name);
    const age = Date.now() - (statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Infinity);
    if (age > KEPT_MS) rmSync(folder, { recursive: true, force: true });
  }
}

/** Other benches may build the same at the same time: whoever is first leaves his. */
function buildOnce(source: string): string {
  const cache = join(source, CACHE);
  mkdirSync(cache, { recursive: true });
  removeOld(cache);
  const fresh = mkdtempSync(join(cache, 'building-'));
  build(source, fresh);
  const kept = join(cache, hashOf(fresh));
  if (existsSync(kept)) {
    rmSync(fresh, { recursive: true });
    return kept;
  }
  renameSync(fresh, kept);
  return kept;
}

/** By package. */
const folders = new Map<string, string>();

/**
 * The file of a process that runs the service, bundled as the program is: what users run, and not its sources.
 * @param source the `packages/mcp` of another checkout that is installed. Default: this one.
 */
export function bundledChild(name: 'gateway-child' | 'pass-child', source = PACKAGE): string {
  const folder = folders.get(source) ?? buildOnce(resolve(source));
  folders.set(source, folder);
  return join(folder, name, `${name}.js`);
}
