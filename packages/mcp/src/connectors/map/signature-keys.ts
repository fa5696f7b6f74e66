import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  KeyObject,
  randomBytes,
} from 'node:crypto';

/** `hmac-sha256` is what the earlier build used: whoever can verify can also sign. `ed25519` is for distribution. */
export type SignatureAlgorithm = 'hmac-sha256' | 'ed25519';

/** A shared secret; signs and verifies. */
export interface HmacKey {
  readonly alg: 'hmac-sha256';
  /** Optional key id; when set it is signed into the map and must match. */
  readonly kid: string | undefined;
  readonly secret: Uint8Array;
}

/** Verifies only. */
export interface Ed25519VerifyKey {
  readonly alg: 'ed25519';
  readonly kid: string | undefined;
  readonly publicKey: KeyObject;
}

/** Signs; verify with the `publicKey` derived from it. */
export interface Ed25519SignKey extends Ed25519VerifyKey {
  readonly privateKey: KeyObject;
}

export type SignatureVerifyKey = HmacKey | Ed25519VerifyKey;
export type SignatureSignKey = HmacKey | Ed25519SignKey;

/** Thrown for unusable key material. The message never holds the material. */
export class SignatureKeyError extends Error {
  readonly code = 'SIGNATURE_KEY_INVALID';
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'SignatureKeyError';
  }
}

/**
 * A key of the shared-secret kind. The key bytes are the UTF-8 bytes of `secret` (B3, `CONNECTORS_SIGNATURE_KEY`).
 * @throws SignatureKeyError when the secret is empty.
 */
export function hmacKey(secret: string, kid?: string): HmacKey {
  if (secret.length === 0) throw new SignatureKeyError('The signature secret is empty');
  return { alg: 'hmac-sha256', kid, secret: new TextEncoder().encode(secret) };
}

function ed25519(load: () => KeyObject): KeyObject {
  let key: KeyObject;
  try {
    key = load();
  } catch (error) {
    throw new SignatureKeyError('The key cannot be read as PEM', error);
  }
  // The type of the key decides the algorithm, never a field of the map: a public key must not become an HMAC secret.
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new SignatureKeyError(
      `Expected an Ed25519 key, got '${key.asymmetricKeyType ?? key.type}'`,
    );
  }
  return key;
}

/**
 * A key that verifies Ed25519 signatures, from SPKI PEM.
 * @throws SignatureKeyError when it is not an Ed25519 public key.
 */
export function ed25519VerifyKey(publicPem: string | KeyObject, kid?: string): Ed25519VerifyKey {
  const publicKey = ed25519(() =>
    publicPem instanceof KeyObject ? publicPem : createPublicKey(publicPem),
  );
  return { alg: 'ed25519', kid, publicKey };
}

/**
 * A key that signs with Ed25519, from PKCS#8 PEM.
 * @throws SignatureKeyError when it is not an Ed25519 private key.
 */
export function ed25519SignKey(privatePem: string, kid?: string): Ed25519SignKey {
  const privateKey = ed25519(() => createPrivateKey(privatePem));
  return { alg: 'ed25519', kid, privateKey, publicKey: createPublicKey(privateKey) };
}

/** New key material as text, for `map keygen`. */
export type GeneratedSignatureKey =
  | { readonly alg: 'hmac-sha256'; readonly secret: string }
  | { readonly alg: 'ed25519'; readonly privatePem: string; readonly publicPem: string };

/** Generates a 256-bit secret (base64url text) or an Ed25519 pair (PEM). */
export function generateSignatureKey(alg: SignatureAlgorithm): GeneratedSignatureKey {
  if (alg === 'hmac-sha256') return { alg, secret: randomBytes(32).toString('base64url') };
  const pair = generateKeyPairSync('ed25519');
  return {
    alg,
    privatePem: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    publicPem: pair.publicKey.export({ type: 'spki', format: 'pem' }),
  };
}
