import { join } from 'node:path';
import { z } from 'zod';
import { AuthError } from './auth-error.ts';
import { MAX_GLOB_LENGTH } from './glob.ts';
import { MAX_GLOBS, type Grant } from './grant.ts';
import { runInSlices } from '../protocol/pace.ts';
import { readPrivateFile } from './secret-file.ts';

/** The file of the state folder that holds the keys. */
export const KEYS_FILE = 'keys.json';
/** Name of the secret with which digests are made (`secrets/keys-pepper`). */
export const PEPPER_SECRET = 'keys-pepper';
export const MAX_KEYS = 10_000;
/** Good at the same time: during a rotation the old one and the new. */
export const MAX_SECRETS = 4;
export const MAX_KEYS_BYTES: number = 16 * 1_048_576;

/** How often and how much at a time somebody may ask. Undefined: as the settings say. */
export interface KeyRate {
  readonly perMinute?: number | undefined;
  readonly concurrent?: number | undefined;
}

/** One secret of a key; there are several while it is rotated. */
export interface KeySecret {
  /** HMAC-SHA256 of the whole key under the pepper, base64url. */
  readonly digest: string;
  readonly createdAt: string;
  readonly expiresAt?: string | undefined;
}

/** A key as it is kept. */
export interface KeyRecord extends Grant {
  readonly id: string;
  readonly title?: string | undefined;
  readonly rate?: KeyRate | undefined;
  readonly createdAt: string;
  readonly expiresAt?: string | undefined;
  readonly revokedAt?: string | undefined;
  readonly secrets: readonly KeySecret[];
}

const time = z.iso.datetime({ offset: true });
const glob = z.string().min(1).max(MAX_GLOB_LENGTH);
const globs = z.array(glob).max(MAX_GLOBS);
const rule = z.strictObject({ allow: globs.optional(), deny: globs.optional() });
const amount = z.int().min(1).max(1_000_000_000);

/** The rules of a grant. */
const GRANT_SHAPE: {
  readonly scopes: z.ZodType<readonly string[]>;
  readonly connectors: z.ZodType<Grant['connectors']>;
  readonly tools: z.ZodType<Grant['tools']>;
  readonly prompts: z.ZodType<Grant['prompts']>;
  readonly resources: z.ZodType<Grant['resources']>;
} = {
  scopes: z.array(z.string().regex(/^[\w:.-]{1,64}$/)).max(32),
  connectors: rule.optional(),
  tools: rule.optional(),
  prompts: rule.optional(),
  resources: rule.optional(),
};

const secret = z.strictObject({
  digest: z.string().regex(/^[\w-]{43}$/),
  createdAt: time,
  expiresAt: time.optional(),
});

// Strict: a rule that is spelt wrong must not be a rule that does not apply.
const record: z.ZodType<KeyRecord> = z.strictObject({
  id: z.string().regex(/^[a-z0-9]{4,32}$/),
  title: z.string().max(200).optional(),
  ...GRANT_SHAPE,
  rate: z.strictObject({ perMinute: amount.optional(), concurrent: amount.optional() }).optional(),
  createdAt: time,
  expiresAt: time.optional(),
  revokedAt: time.optional(),
  secrets: z.array(secret).max(MAX_SECRETS),
});

const fileSchema = z.strictObject({
  version: z.literal(1),
  keys: z.array(z.unknown()).max(MAX_KEYS),
});

function checked<T>(schema: z.ZodType<T>, value: unknown, at: { path: string; place: string }): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = [at.place, ...(issue?.path ?? []).map(String)]
    .filter((name) => name !== '')
    .join('.');
  const why = `${at.path}: ${place === '' ? '' : `${place}: `}${issue?.message ?? 'is not valid'}`;
  throw new AuthError('KEYS_DAMAGED', why);
}

/** Pauses between keys. @throws AuthError */
function* readRecords(text: string, path: string): Generator<void, readonly KeyRecord[], void> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new AuthError('KEYS_DAMAGED', `${path} is not JSON; restore it from a copy`, { cause });
  }
  const { keys } = checked(fileSchema, value, { path, place: '' });
  const records = new Map<string, KeyRecord>();
  for (const [index, key] of keys.entries()) {
    const one = checked(record, key, { path, place: `keys.${index}` });
    if (records.has(one.id)) {
      throw new AuthError('KEYS_DAMAGED', `${path}: keys.${index}: an id is there twice`);
    }
    records.set(one.id, one);
    yield;
  }
  return [...records.values()];
}

/** Reads the text of a keys file. @throws AuthError `KEYS_DAMAGED` naming the place. */
export function parseKeys(text: string, path: string): readonly KeyRecord[] {
  const work = readRecords(text, path);
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/** As `parseKeys`, in slices: a service goes on answering meanwhile. */
async function parseKeysInSlices(text: string, path: string): Promise<readonly KeyRecord[]> {
  return await runInSlices(readRecords(text, path));
}

/** The text of a keys file. */
export function formatKeys(keys: readonly KeyRecord[]): string {
  return `${JSON.stringify({ version: 1, keys }, undefined, 2)}\n`;
}

/**
 * The keys of a state folder; undefined when it has no file of them.
 * @throws AuthError when the file cannot be used.
 */
export async function readKeys(stateFolder: string): Promise<readonly KeyRecord[] | undefined> {
  const path = join(stateFolder, KEYS_FILE);
  const text = await readPrivateFile(path, MAX_KEYS_BYTES);
  return text === undefined ? undefined : await parseKeysInSlices(text, path);
}
