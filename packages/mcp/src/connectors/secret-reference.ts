import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/** Variables by name. */
export type ReferenceScope = Readonly<Record<string, string | undefined>>;

/** A reference that has no value now. The message names the reference, never a value; `code` is stable. */
export class SecretReferenceError extends Error {
  readonly code = 'SECRET_UNRESOLVED';
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'SecretReferenceError';
  }
}

const REFERENCE = /\$\{([^{}]*)\}/g;
const WHOLE_FILE = /^\s*file:(\/(?!\/)[^{}]*?)\s*$/;
const NAME = /^[A-Za-z_]\w*$/;
/** Keys and tokens are short; anything longer is the wrong file. */
const MAX_SECRET_BYTES = 65_536;
/** Values of files that are remembered so that they can be left out of what is shown. */
const MAX_REMEMBERED = 1_000;

// Of the process, as is the crash whose last words must not hold them.
const remembered = new Set<string>();

/** What was read from secret files last, for texts that nobody has looked through. At most 1,000 values. */
export function secretsFromFiles(): readonly string[] {
  return [...remembered];
}

function remember(secret: string): string {
  remembered.delete(secret);
  remembered.add(secret);
  const [oldest] = remembered;
  if (remembered.size > MAX_REMEMBERED && oldest !== undefined) remembered.delete(oldest);
  return secret;
}

/** Whether a text is `file:/path` or `${file:/path}` as a whole. `file://…` is a URL, not a reference. */
export function isFileReference(text: string): boolean {
  return WHOLE_FILE.test(text) || /^\s*\$\{\s*file:\/[^{}]*\}\s*$/.test(text);
}

/** Whether a text holds `${…}` or is `file:/path` as a whole. */
export function hasSecretReference(text: string): boolean {
  return isFileReference(text) || text.search(REFERENCE) !== -1;
}

interface Variable {
  readonly name: string;
  readonly fallback: string | undefined;
}

function parseVariable(reference: string): Variable {
  const at = reference.indexOf(':-');
  const head = at === -1 ? reference : reference.slice(0, at);
  const name = head.trim().replace(/^env:/, '');
  return { name, fallback: at === -1 ? undefined : reference.slice(at + 2) };
}

/** The variables that a text refers to. */
export function variablesIn(text: string): readonly string[] {
  return [...text.matchAll(REFERENCE)].map((match) => parseVariable(match[1] ?? '').name);
}

async function readSecretFile(path: string): Promise<string> {
  try {
    // Opening a pipe would wait for whoever writes to it.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = await handle.stat();
      const { size } = stats;
      if (!stats.isFile()) throw new RangeError('not a regular file');
      if (size > MAX_SECRET_BYTES) throw new RangeError(`larger than ${MAX_SECRET_BYTES} bytes`);
      // Editors and shells end a file with a line break that is no part of the secret.
      return remember((await handle.readFile('utf8')).replace(/\r?\n$/, ''));
    } finally {
      await handle.close();
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new SecretReferenceError(`file:${path} cannot be read (${code})`, error);
  }
}

function readVariable({ name, fallback }: Variable, scope: ReferenceScope): string {
  const value = NAME.test(name) ? scope[name] : undefined;
  if (value !== undefined && value !== '') return value;
  if (fallback !== undefined) return fallback;
  throw new SecretReferenceError(`\${${name}} has no value: set ${name}`);
}

/**
 * The text with `${NAME}`, `${NAME:-default}`, `${env:NAME}`, `${file:/path}`, or `file:/path` as a whole, replaced
 * by what they refer to now. What a value contains is not expanded again.
 * @throws SecretReferenceError naming the first reference without a value.
 */
export async function resolveSecretReferences(
  text: string,
  scope: ReferenceScope,
): Promise<string> {
  const whole = WHOLE_FILE.exec(text)?.[1];
  if (whole !== undefined) return await readSecretFile(whole);
  const parts: string[] = [];
  let end = 0;
  for (const match of text.matchAll(REFERENCE)) {
    const body = match[1] ?? '';
    const path = /^\s*file:(\/.*)$/s.exec(body)?.[1];
    parts.push(text.slice(end, match.index));
    parts.push(
      path === undefined ? readVariable(parseVariable(body), scope) : await readSecretFile(path),
    );
    end = match.index + match[0].length;
  }
  parts.push(text.slice(end));
  return parts.join('');
}
