import { createSecretKey } from 'node:crypto';
import { mkdir, open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import writeFileAtomic from 'write-file-atomic';
import { digestApiKey, generateApiKey } from './api-key.ts';
import { AuthError } from './auth-error.ts';
import type { Grant } from './grant.ts';
import {
  formatKeys,
  KEYS_FILE,
  MAX_KEYS_BYTES,
  MAX_KEYS,
  MAX_SECRETS,
  parseKeys,
  PEPPER_SECRET,
  readKeys,
  type KeyRate,
  type KeyRecord,
  type KeySecret,
} from './keys-file.ts';
import { OPERATOR_SECRET } from './operator-token.ts';
import { ensureSecret } from './secret-file.ts';

/** A key that has just been made; its text is told this once and kept nowhere. */
export interface IssuedKey {
  readonly record: KeyRecord;
  readonly text: string;
}

export interface NewKey extends Grant {
  readonly title?: string | undefined;
  readonly rate?: KeyRate | undefined;
  readonly expiresAt?: string | undefined;
}

/** How long another command may hold the file. */
const LOCK_WAIT_MS = 5_000;
const POLL_MS = 50;
/** Nobody needs that long; whoever held it was killed. */
const STALE_LOCK_MS = 30_000;
/** Revoked keys are shown this long. */
const KEEP_REVOKED_MS = 90 * 86_400_000;

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

async function isStale(path: string): Promise<boolean> {
  try {
    return Date.now() - (await stat(path)).mtimeMs > STALE_LOCK_MS;
  } catch {
    return false; // it was released just now
  }
}

async function takeLock(path: string): Promise<void> {
  const startedAtMs = performance.now();
  for (;;) {
    try {
      await (await open(path, 'wx', 0o600)).close();
      return;
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
      if (await isStale(path)) await rm(path, { force: true });
      else if (performance.now() - startedAtMs > LOCK_WAIT_MS) {
        throw new AuthError('KEYS_BUSY', `${path} is held by another command; run this again`);
      } else await wait(POLL_MS);
    }
  }
}

/** The text of a file that can be read again: one that cannot would lock everybody out. @throws AuthError `KEY_INVALID` */
function checkedText(keys: readonly KeyRecord[], path: string): string {
  const text = formatKeys(keys);
  try {
    parseKeys(text, path);
  } catch (cause) {
    const why = cause instanceof AuthError ? cause.message : String(cause);
    throw new AuthError(
      'KEY_INVALID',
      `nothing was changed, as the keys could not be used then: ${why}`,
      {
        cause,
      },
    );
  }
  if (Buffer.byteLength(text) <= MAX_KEYS_BYTES) return text;
  const why = `nothing was changed: ${path} would be larger than ${MAX_KEYS_BYTES} bytes; revoke some keys`;
  throw new AuthError('KEY_INVALID', why);
}

/** Reads the keys, changes them and writes them, alone. */
async function edit<T>(
  stateFolder: string,
  change: (keys: readonly KeyRecord[]) => {
    readonly keys: readonly KeyRecord[];
    readonly value: T;
  },
): Promise<T> {
  await mkdir(stateFolder, { recursive: true, mode: 0o700 });
  const path = join(stateFolder, KEYS_FILE);
  const lock = `${path}.lock`;
  await takeLock(lock);
  try {
    const { keys, value } = change((await readKeys(stateFolder)) ?? []);
    await writeFileAtomic(path, checkedText(keys, path), { mode: 0o600 });
    return value;
  } finally {
    await rm(lock, { force: true });
  }
}

async function issue(
  stateFolder: string,
  id: string | undefined,
): Promise<{ readonly id: string; readonly text: string; readonly secret: KeySecret }> {
  const pepper = createSecretKey(await ensureSecret(stateFolder, PEPPER_SECRET));
  // With the first key the commands of this machine need a way in.
  await ensureSecret(stateFolder, OPERATOR_SECRET);
  const key = generateApiKey(id);
  const digest = digestApiKey(pepper, key.text).toString('base64url');
  return { ...key, secret: { digest, createdAt: new Date().toISOString() } };
}

/** Makes a key. @throws AuthError, `KEY_INVALID` for one that could not be read again. */
export async function createKey(stateFolder: string, given: NewKey): Promise<IssuedKey> {
  const { id, text, secret } = await issue(stateFolder, undefined);
  const record: KeyRecord = { id, ...given, createdAt: secret.createdAt, secrets: [secret] };
  return await edit(stateFolder, (keys) => {
    const limit = Date.now() - KEEP_REVOKED_MS;
    const kept = keys.filter(({ revokedAt = '' }) => !(Date.parse(revokedAt) < limit));
    if (kept.length >= MAX_KEYS) {
      throw new AuthError(
        'KEYS_BUSY',
        `there are ${MAX_KEYS} keys, which is the most; revoke some`,
      );
    }
    return { keys: [...kept, record], value: { record, text } };
  });
}

function required(keys: readonly KeyRecord[], id: string): KeyRecord {
  const found = keys.find((key) => key.id === id);
  if (found !== undefined) return found;
  throw new AuthError(
    'KEY_UNKNOWN',
    `there is no key ${JSON.stringify(id)}; see cortex-mcp keys list`,
  );
}

function replaced(keys: readonly KeyRecord[], by: KeyRecord): readonly KeyRecord[] {
  return keys.map((key) => (key.id === by.id ? by : key));
}

/** Lets nobody in by that key any more; its record stays for 90 days. @throws AuthError `KEY_UNKNOWN` */
export async function revokeKey(stateFolder: string, id: string): Promise<KeyRecord> {
  return await edit(stateFolder, (keys) => {
    const found = required(keys, id);
    const record: KeyRecord = {
      ...found,
      revokedAt: found.revokedAt ?? new Date().toISOString(),
      secrets: [],
    };
    return { keys: replaced(keys, record), value: record };
  });
}

function endingBy({ digest, createdAt, expiresAt }: KeySecret, endMs: number): KeySecret {
  const ends = expiresAt === undefined ? endMs : Math.min(Date.parse(expiresAt), endMs);
  return { digest, createdAt, expiresAt: new Date(ends).toISOString() };
}

/**
 * Gives a key another secret; those it has are good for `graceMs` more. The key stays the same to everybody else:
 * its sessions, its rules and its name.
 * @throws AuthError `KEY_UNKNOWN`
 */
export async function rotateKey(
  stateFolder: string,
  id: string,
  graceMs: number,
): Promise<IssuedKey> {
  const { text, secret } = await issue(stateFolder, id);
  return await edit(stateFolder, (keys) => {
    const found = required(keys, id);
    if (found.revokedAt !== undefined) {
      throw new AuthError('KEY_UNKNOWN', `the key ${id} was revoked; create another`);
    }
    const nowMs = Date.now();
    const endMs = nowMs + graceMs;
    const old = found.secrets
      .filter(({ expiresAt }) => expiresAt === undefined || Date.parse(expiresAt) > nowMs)
      .map((one) => endingBy(one, endMs));
    const secrets = [secret, ...(graceMs > 0 ? old : [])].slice(0, MAX_SECRETS);
    const record: KeyRecord = { ...found, secrets };
    return { keys: replaced(keys, record), value: { record, text } };
  });
}
