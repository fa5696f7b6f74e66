import { createHmac, sign, timingSafeEqual, verify } from 'node:crypto';
import { canonicalJson } from './signature-canonical-json.ts';
import type { SignatureSignKey, SignatureVerifyKey } from './signature-keys.ts';

/** A parsed JSON object as it came from the wire: nothing stripped, nothing renamed. */
export type RawServiceMap = Readonly<Record<string, unknown>>;

/**
 * What a check of a signature found. `missing`: no `signature` member. `malformed`: not the strict form of the
 * algorithm. `unknown-key`: no key of that `alg` and `kid`. `mismatch`: none of the candidates made it.
 */
export type SignatureVerdict =
  | { readonly kind: 'valid'; readonly key: SignatureVerifyKey }
  | {
      readonly kind: 'invalid';
      readonly reason: 'missing' | 'malformed' | 'unknown-key' | 'mismatch';
    };

/** Base64url without padding, spare bits zero: 32 bytes for HMAC-SHA256, 64 for Ed25519. One spelling only. */
const STRICT_FORM = {
  'hmac-sha256': /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/,
  ed25519: /^[A-Za-z0-9_-]{85}[AQgw]$/,
} as const;

function signedMessage(map: RawServiceMap): Buffer {
  const { signature: _, ...unsigned } = map;
  return Buffer.from(canonicalJson(unsigned), 'utf8');
}

/**
 * Signs a map: the message is its canonical JSON without `signature` (B3). Ed25519 maps get `alg`, and maps of
 * keys with an id get `kid`; both are part of what is signed. A `signature`, `alg` or `kid` already there is replaced.
 * @throws CanonicalJsonError when the map has no canonical form.
 */
export function signServiceMap(
  map: RawServiceMap,
  key: SignatureSignKey,
): RawServiceMap & { readonly signature: string } {
  const { signature: _signature, alg: _alg, kid: _kid, ...rest } = map;
  const unsigned = {
    ...rest,
    ...(key.alg === 'ed25519' ? { alg: key.alg } : {}),
    ...(key.kid === undefined ? {} : { kid: key.kid }),
  };
  const message = signedMessage(unsigned);
  const bytes =
    key.alg === 'ed25519'
      ? sign(null, message, key.privateKey)
      : createHmac('sha256', key.secret).update(message).digest();
  return { ...unsigned, signature: bytes.toString('base64url') };
}

function matches(key: SignatureVerifyKey, message: Buffer, signature: Buffer): boolean {
  if (key.alg === 'ed25519') return verify(null, message, key.publicKey, signature);
  const expected = createHmac('sha256', key.secret).update(message).digest();
  return timingSafeEqual(expected, signature);
}

/** The algorithm a map claims; the earlier build's maps claim none and are HMAC. Undefined: one we do not know. */
function claimedAlgorithm(map: RawServiceMap): SignatureVerifyKey['alg'] | undefined {
  const alg = map['alg'];
  if (alg === undefined || alg === 'hmac-sha256') return 'hmac-sha256';
  return alg === 'ed25519' ? alg : undefined;
}

/**
 * Checks a raw parsed map, before any schema has touched it, against a list of keys (current, previous, …). A key
 * is tried only for its own algorithm, so naming another `alg` cannot turn a public key into a secret; a map with a
 * `kid` is checked by that key or by keys without an id. Comparison takes constant time.
 * @throws CanonicalJsonError when the map has no canonical form.
 */
export function verifyServiceMap(
  map: RawServiceMap,
  keys: readonly SignatureVerifyKey[],
): SignatureVerdict {
  const text = map['signature'];
  if (text === undefined) return { kind: 'invalid', reason: 'missing' };
  const alg = claimedAlgorithm(map);
  if (alg === undefined) return { kind: 'invalid', reason: 'unknown-key' };
  if (typeof text !== 'string' || !STRICT_FORM[alg].test(text)) {
    return { kind: 'invalid', reason: 'malformed' };
  }
  const kid = map['kid'];
  const candidates = keys.filter(
    (key) => key.alg === alg && (kid === undefined || key.kid === undefined || key.kid === kid),
  );
  if (candidates.length === 0) return { kind: 'invalid', reason: 'unknown-key' };
  const signature = Buffer.from(text, 'base64url');
  const message = signedMessage(map);
  const key = candidates.find((candidate) => matches(candidate, message, signature));
  return key === undefined ? { kind: 'invalid', reason: 'mismatch' } : { kind: 'valid', key };
}
