import { hash } from 'node:crypto';
import {
  constants,
  fstatSync,
  openSync,
  closeSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire, getCompileCacheDir } from 'node:module';
import { basename, join } from 'node:path';
import { Script } from 'node:vm';

/** Makes the exports of a chunk from what it imports, its `import.meta` and an `import()` of its folder. */
type Chunk = (
  imports: readonly unknown[],
  meta: ImportMeta,
  load: (specifier: string) => Promise<unknown>,
) => Readonly<Record<string, unknown>>;

/** By then a start has called what it calls, and no collection has thrown its code away yet. */
const KEEP_AFTER_MS = 3_000;
/** Of the checksum before the code: V8 looks at lengths only, and a disk may lose the end of a file that it has renamed. */
const CHECKSUM_BYTES = 32;
/** The code of the largest chunk has 1.5 MB. */
const MAX_BYTES = 16 * 1024 * 1024;

/** Only a service calls most of what a start calls; what another command leaves would be kept for all later ones. */
function isService([command = 'serve']: readonly string[]): boolean {
  return command === 'serve' || command.startsWith('-');
}

/** Bytes that this user wrote, in whole. */
function readKept(file: string): Buffer | undefined {
  let descriptor: number | undefined;
  try {
    // A pipe would otherwise hold the start up until somebody writes to it.
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const { uid, mode, size } = fstatSync(descriptor);
    const isForeign =
      process.getuid !== undefined && (uid !== process.getuid() || (mode & 0o022) !== 0);
    if (isForeign || size <= CHECKSUM_BYTES || size > MAX_BYTES) return undefined;
    const bytes = readFileSync(descriptor);
    const code = bytes.subarray(CHECKSUM_BYTES);
    const isWhole = bytes.subarray(0, CHECKSUM_BYTES).equals(hash('sha256', code, 'buffer'));
    return isWhole ? code : undefined;
  } catch {
    // Not there yet, or not to be read: then it is compiled as ever.
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function keep(file: string, script: Script): void {
  const code = script.createCachedData();
  const draft = `${file}.${process.pid}`;
  try {
    const bytes = Buffer.concat([hash('sha256', code, 'buffer'), code]);
    writeFileSync(draft, bytes, { mode: 0o600, flag: 'wx' });
    renameSync(draft, file);
  } catch {
    // A full or read-only folder: the next start compiles again.
    rmSync(draft, { force: true });
  }
}

/** The exports of a chunk, from the code that an earlier start left in Node's folder for compiled code, if there is any. */
export interface LoadCompiledOptions {
  /** Its file, whose value is a `Chunk`. */
  readonly path: string;
  /** Of its text, by which kept code is known: V8 itself compares the length only. */
  readonly digest: string;
  readonly imports: readonly unknown[];
  readonly meta: ImportMeta;
  readonly load: (specifier: string) => Promise<unknown>;
  /** Default: the folder in use, and none where Node keeps no compiled code. */
  readonly folder?: string | undefined;
  /** Without `node` and the program's name. Default: of this process. */
  readonly argv?: readonly string[];
}

/**
 * Node keeps the code of a module as it is before anything is called: every function is compiled anew in every start. What
 * is kept here has the functions that a start calls. With source maps the file is a usual module, for only those have maps.
 */
export function loadCompiled(options: LoadCompiledOptions): Readonly<Record<string, unknown>> {
  const { path, digest, imports, meta, load, argv = process.argv.slice(2) } = options;
  const folder = 'folder' in options ? options.folder : getCompileCacheDir();
  if (folder === undefined || process.sourceMapsEnabled) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what `require` returns has no type
    const chunk = createRequire(path)(path) as Chunk;
    return chunk(imports, meta, load);
  }
  const file = join(folder, `${basename(path)}-${digest}`);
  const cachedData = readKept(file);
  const script = new Script(readFileSync(path, 'latin1'), { filename: path, cachedData });
  if ((cachedData === undefined || script.cachedDataRejected === true) && isService(argv)) {
    setTimeout(keep, KEEP_AFTER_MS, file, script).unref();
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the value of a script has no type
  const chunk = script.runInThisContext() as Chunk;
  return chunk(imports, meta, load);
}
