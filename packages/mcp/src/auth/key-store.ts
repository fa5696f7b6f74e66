import { createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import { apiKeyId, digestApiKey, equalDigests } from './api-key.ts';
import type { KeyRate, KeyRecord } from './keys-file.ts';
import { createPolicy, type NamingScheme } from './policy.ts';
import type { Principal } from './principal.ts';

/** A key that lets in, as requests meet it. */
export interface ActiveKey {
  readonly principal: Principal;
  readonly rate: KeyRate | undefined;
  /** When it ends, in milliseconds since 1970; `Infinity` when it does not. */
  readonly expiresAtMs: number;
  readonly secrets: readonly { readonly digest: Buffer; readonly expiresAtMs: number }[];
}

/** No key has it: an id that nobody has is compared as one that somebody has. */
const DUMMY: ActiveKey['secrets'] = [{ digest: randomBytes(32), expiresAtMs: Infinity }];

function timeOf(text: string | undefined): number {
  return text === undefined ? Infinity : Date.parse(text);
}

/** The keys in force. Replaced whole when the file changes. */
export interface KeyStore {
  /** Keys that are neither revoked nor expired. */
  count(nowMs: number): number;
  /** The key that this text is; undefined for an unknown, revoked or expired one. */
  find(text: string, nowMs: number): ActiveKey | undefined;
  /** The key of that id, in whatever state. */
  active(id: string): ActiveKey | undefined;
}

/** The principal of a key, made when the key is met first: what most of ten thousand keys allow is never asked. */
function activeKey(record: KeyRecord, naming: NamingScheme): ActiveKey {
  let made: Principal | undefined;
  return {
    get principal() {
      made ??= {
        id: `key:${record.id}`,
        kind: 'key',
        policy: createPolicy([record], naming),
        scopes: new Set(record.scopes),
      };
      return made;
    },
    rate: record.rate,
    expiresAtMs: timeOf(record.expiresAt),
    secrets: record.secrets.map(({ digest, expiresAt }) => ({
      digest: Buffer.from(digest, 'base64url'),
      expiresAtMs: timeOf(expiresAt),
    })),
  };
}

/** Makes keys ready to be met. */
export function createKeyStore(
  records: readonly KeyRecord[],
  pepper: Buffer,
  naming: NamingScheme,
): KeyStore {
  const key: KeyObject = createSecretKey(pepper);
  const active = new Map<string, ActiveKey>();
  for (const record of records) {
    if (record.revokedAt === undefined) active.set(record.id, activeKey(record, naming));
  }
  return {
    count: (nowMs) => [...active.values()].filter(({ expiresAtMs }) => expiresAtMs > nowMs).length,
    active: (id) => active.get(id),
    find: (text, nowMs) => {
      const id = apiKeyId(text);
      if (id === undefined) return undefined;
      const found = active.get(id);
      const given = digestApiKey(key, text);
      let isGood = false;
      for (const { digest, expiresAtMs } of found?.secrets ?? DUMMY) {
        if (equalDigests(digest, given) && expiresAtMs > nowMs) isGood = true;
      }
      return found !== undefined && isGood && found.expiresAtMs > nowMs ? found : undefined;
    },
  };
}
