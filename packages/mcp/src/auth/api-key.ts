import { createHash, createHmac, randomBytes, timingSafeEqual, type KeyObject } from 'node:crypto';

/** A key as its owner sends it. */
export interface ApiKey {
  /** Names the key in files, logs and audit; not a secret. */
  readonly id: string;
  /** The whole key, `mgw_<id>_<32 bytes base64url>`. */
  readonly text: string;
}

const KEY = /^mgw_([a-z0-9]{4,32})_[\w-]{43}$/;
const ID_BYTES = 8;
const SECRET_BYTES = 32;

/** A new secret for the key of that id; by default a new key. */
export function generateApiKey(id: string = randomBytes(ID_BYTES).toString('hex')): ApiKey {
  return { id, text: `mgw_${id}_${randomBytes(SECRET_BYTES).toString('base64url')}` };
}

/** The id of a key, by its form alone; undefined for any other text. */
export function apiKeyId(text: string): string | undefined {
  return KEY.exec(text)?.[1];
}

/** What is stored of a key. With 32 random bytes in it nothing slower is needed (reliability-security.md 3.4). */
export function digestApiKey(pepper: KeyObject, text: string): Buffer {
  return createHmac('sha256', pepper).update(text).digest();
}

/** Compares digests of 32 bytes in constant time. */
export function equalDigests(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** Compares a given text with a secret in a time that tells neither its length nor its content. */
export function createSecretCheck(secret: string): (given: string) => boolean {
  const expected = sha256(secret);
  return (given) => timingSafeEqual(sha256(given), expected);
}
