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
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));
/** Below the package, whose dependencies a bundle finds from there. */
const CACHE = join(PACKAGE, 'node_modules/.cache/bench');
/** Bundles of code that has changed since are kept so long. */
const KEPT_MS = 3_600_000;

function build(folder: string): void {
  const args = ['-c', 'bench/rolldown.config.mjs'];
  const built = spawnSync(join(PACKAGE, 'node_modules/.bin/rolldown'), args, {
    cwd: PACKAGE,
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

function removeOld(): void {
  for (const name of readdirSync(CACHE)) {
    const folder = join(CACHE, name);
    const age = Date.now() - (statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Infinity);
    if (age > KEPT_MS) rmSync(folder, { recursive: true, force: true });
  }
}

/** Other benches may build the same at the same time: whoever is first leaves his. */
function buildOnce(): string {
  mkdirSync(CACHE, { recursive: true });
  removeOld();
  const fresh = mkdtempSync(join(CACHE, 'building-'));
  build(fresh);
  const kept = join(CACHE, hashOf(fresh));
  if (existsSync(kept)) {
    rmSync(fresh, { recursive: true });
    return kept;
  }
  renameSync(fresh, kept);
  return kept;
}

let folder: string | undefined;

/** The file of a process that runs the service, bundled as the program is: what users run, and not its sources. */
export function bundledChild(name: 'gateway-child' | 'pass-child'): string {
  folder ??= buildOnce();
  return join(folder, name, `${name}.js`);
}
