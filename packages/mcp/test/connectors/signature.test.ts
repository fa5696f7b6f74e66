import { createHash, createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { canonicalJson } from '../../src/connectors/map/signature-canonical-json.ts';
import {
  ed25519SignKey,
  ed25519VerifyKey,
  generateSignatureKey,
  hmacKey,
  type SignatureVerifyKey,
} from '../../src/connectors/map/signature-keys.ts';
import {
  signServiceMap,
  verifyServiceMap,
  type RawServiceMap,
} from '../../src/connectors/map/signature.ts';

interface Golden {
  readonly secret: string;
  readonly privatePem: string;
  readonly publicPem: string;
  readonly vectors: readonly {
    readonly name: string;
    readonly alg: 'hmac-sha256' | 'ed25519';
    readonly canonicalSha256: string;
    readonly map: RawServiceMap & { readonly signature: string };
  }[];
}

const golden = JSON.parse(
  readFileSync(new URL('golden/signature-vectors.json', import.meta.url), 'utf8'),
) as Golden;

const MAP = { id: 'a', generatedAt: '2026-11-20T12:00:00Z', connectors: [{ id: 'x', n: 1 }] };
const KEY = hmacKey('secret-one');

function signatureOf(map: RawServiceMap): string {
  return String(map['signature']);
}

function reasonOf(map: RawServiceMap, keys: readonly SignatureVerifyKey[]): string {
  const verdict = verifyServiceMap(map, keys);
  return verdict.kind === 'valid' ? 'valid' : verdict.reason;
}

for (const vector of golden.vectors) {
  const kid = vector.map['kid'] as string | undefined;
  const { signature, alg: _, kid: __, ...unsigned } = vector.map;
  const keyId = kid === undefined ? undefined : kid;

  test(`golden vector '${vector.name}': canonical form, signing and verifying (B3)`, () => {
    const { signature: ___, ...message } = vector.map;
    const digest = createHash('sha256').update(canonicalJson(message)).digest('hex');
    expect(digest).toBe(vector.canonicalSha256);
    const hmac = vector.alg === 'hmac-sha256';
    const signer = hmac ? hmacKey(golden.secret, keyId) : ed25519SignKey(golden.privatePem, keyId);
    const verifier = hmac ? signer : ed25519VerifyKey(golden.publicPem, keyId);
    expect(signServiceMap(unsigned, signer)).toEqual(vector.map);
    expect(verifyServiceMap(vector.map, [verifier])).toEqual({ kind: 'valid', key: verifier });
    expect(signature).toMatch(hmac ? /^[\w-]{43}$/ : /^[\w-]{86}$/);
  });
}

test('canonicalJson() gives the RFC 8785 section 3.2.2 example', () => {
  const input =
    '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],' +
    '"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}';
  expect(canonicalJson(JSON.parse(input))).toBe(
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
      '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  );
});

test('canonicalJson() sorts keys by UTF-16 code unit, as RFC 8785 section 3.2.3 shows, not by locale (B3)', () => {
  const keys = ['€', '\r', '\ufb33', '1', '😀', '\u0080', 'ö'];
  const value = Object.fromEntries(keys.map((key, i) => [key, i]));
  expect(Object.keys(JSON.parse(canonicalJson(value)) as object)).toEqual([
    '1', // JSON.parse puts integer keys first; the text has it second
    '\r',
    '\u0080',
    'ö',
    '€',
    '😀',
    '\ufb33',
  ]);
  expect(canonicalJson(value).startsWith('{"\\r":1,"1":3,')).toBe(true);
  expect(canonicalJson({ a: 1, authorization: 2, B: 3, 'X-Trace': 4 })).toBe(
    '{"B":3,"X-Trace":4,"a":1,"authorization":2}',
  );
});

test('canonicalJson() writes one form per number and leaves undefined members out', () => {
  expect(canonicalJson(JSON.parse('[1.0,1e0,-0,0.1e1,100000000000000000000000]'))).toBe(
    '[1,1,0,1,1e+23]',
  );
  expect(canonicalJson({ a: undefined, b: null })).toBe('{"b":null}');
});

const refusal = (value: unknown): string => {
  try {
    return canonicalJson(value);
  } catch (error) {
    return `${(error as { code: string }).code} ${(error as { path: string }).path}`;
  }
};

test('canonicalJson() refuses lone surrogates, endless numbers, foreign types and deep nesting', () => {
  expect(refusal({ a: ['\ud800'] })).toBe('CANONICAL_LONE_SURROGATE /a/0');
  expect(refusal({ '\udc00': 1 })).toMatch(/^CANONICAL_LONE_SURROGATE/);
  expect(refusal([Infinity])).toBe('CANONICAL_NUMBER /0');
  expect(refusal([Number.NaN])).toBe('CANONICAL_NUMBER /0');
  expect(refusal({ a: 1n })).toBe('CANONICAL_TYPE /a');
  expect(refusal([undefined])).toBe('CANONICAL_TYPE /0');
  let deep: unknown = 1;
  for (let i = 0; i < 64; i += 1) deep = [deep];
  expect(refusal(deep)).toHaveLength(129);
  expect(refusal([deep])).toMatch(/^CANONICAL_TOO_DEEP/);
});

test('canonicalJson() tells composed from decomposed text (no normalisation)', () => {
  expect(canonicalJson('é')).not.toBe(canonicalJson('e\u0301'));
});

test('verifyServiceMap() accepts other key order and white space, and counts every member', () => {
  const signed = signServiceMap(MAP, KEY);
  const shuffled = JSON.parse(
    JSON.stringify(Object.fromEntries(Object.entries(signed).toReversed()), null, 4),
  ) as RawServiceMap;
  expect(reasonOf(shuffled, [KEY])).toBe('valid');
  expect(reasonOf({ ...signed, extra: 1 }, [KEY])).toBe('mismatch');
  expect(reasonOf({ ...signed, generatedAt: '2026-11-20T12:00:01Z' }, [KEY])).toBe('mismatch');
});

test('verifyServiceMap() works on the raw map: keys no schema knows are signed too (B3)', () => {
  const raw = { ...MAP, connectors: [{ id: 'x', auth: { type: 'apiKey', queryParam: 'k' } }] };
  expect(reasonOf(signServiceMap(raw, KEY), [KEY])).toBe('valid');
});

test('verifyServiceMap() tries the current and the previous key', () => {
  const previous = hmacKey('secret-two');
  const signed = signServiceMap(MAP, previous);
  expect(verifyServiceMap(signed, [KEY, previous])).toEqual({ kind: 'valid', key: previous });
  expect(reasonOf(signed, [KEY])).toBe('mismatch');
  expect(reasonOf(signed, [])).toBe('unknown-key');
});

test('verifyServiceMap() picks by key id where both sides have one', () => {
  const one = hmacKey('secret-one', 'one');
  const two = hmacKey('secret-two', 'two');
  const signed = signServiceMap(MAP, two);
  expect(signed['kid']).toBe('two');
  expect(verifyServiceMap(signed, [one, two])).toEqual({ kind: 'valid', key: two });
  expect(reasonOf(signed, [one])).toBe('unknown-key');
  expect(reasonOf(signed, [hmacKey('secret-two')])).toBe('valid');
  // The right secret under another id is not the key that was named.
  expect(reasonOf(signed, [hmacKey('secret-two', 'three')])).toBe('unknown-key');
});

test('verifyServiceMap() takes one spelling of a signature only (B3: lenient decoding)', () => {
  const signed = signServiceMap(MAP, KEY);
  const text = signatureOf(signed);
  const bytes = Buffer.from(text, 'base64url');
  const spellings = [
    `${text}=`,
    bytes.toString('base64'),
    bytes.toString('hex'),
    `${text} `,
    `${text}junk`,
    text.slice(0, 42),
    '',
    // The last character carries four bits; its two spare bits must be zero.
    text.slice(0, 42) + String.fromCharCode(text.charCodeAt(42) + 1),
  ];
  for (const signature of spellings) {
    expect(reasonOf({ ...signed, signature }, [KEY])).toBe('malformed');
  }
  expect(reasonOf({ ...signed, signature: 7 }, [KEY])).toBe('malformed');
  expect(reasonOf(MAP, [KEY])).toBe('missing');
});

test('verifyServiceMap() finds every flipped bit of signature and text', () => {
  const signed = signServiceMap(golden.vectors[2]?.map ?? MAP, KEY);
  const bytes = Buffer.from(signatureOf(signed), 'base64url');
  let checked = 0;
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const flipped = Buffer.from(bytes);
    flipped.writeUInt8((flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7)), bit >> 3);
    expect(reasonOf({ ...signed, signature: flipped.toString('base64url') }, [KEY])).toBe(
      'mismatch',
    );
    checked += 1;
  }
  const text = Buffer.from(JSON.stringify(signed));
  for (let bit = 0; bit < text.length * 8; bit += 1) {
    const flipped = Buffer.from(text);
    flipped.writeUInt8((flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7)), bit >> 3);
    let map: RawServiceMap;
    try {
      map = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(flipped)) as RawServiceMap;
    } catch {
      // No JSON any more: refused before the signature is looked at.
      continue;
    }
    if (canonicalJson(map) === canonicalJson(signed)) continue;
    expect(reasonOf(map, [KEY])).not.toBe('valid');
    checked += 1;
  }
  expect(checked).toBeGreaterThan(2_000);
});

test('verifyServiceMap() binds the algorithm to the key: a public key is never an HMAC secret', () => {
  const pair = generateKeyPairSync('ed25519');
  const pem = pair.publicKey.export({ type: 'spki', format: 'pem' });
  const verifier = ed25519VerifyKey(createPublicKey(pem));
  const forged = createHmac('sha256', pem).update(canonicalJson(MAP)).digest('base64url');
  expect(reasonOf({ ...MAP, signature: forged }, [verifier])).toBe('unknown-key');
  const named = { ...MAP, alg: 'ed25519' };
  const signature = createHmac('sha256', pem).update(canonicalJson(named)).digest('base64url');
  expect(reasonOf({ ...named, signature }, [verifier])).toBe('malformed');
  expect(reasonOf({ ...MAP, alg: 'none', signature: '' }, [verifier, KEY])).toBe('unknown-key');
});

test('verifyServiceMap() refuses an Ed25519 map stripped of its alg, and an HMAC map given one', () => {
  const key = ed25519SignKey(golden.privatePem);
  const { alg: _, ...stripped } = signServiceMap(MAP, key);
  expect(reasonOf(stripped, [key, KEY])).toBe('malformed');
  expect(reasonOf({ ...signServiceMap(MAP, KEY), alg: 'ed25519' }, [key, KEY])).toBe('malformed');
});

test('signServiceMap() replaces a signature, alg and kid that are there', () => {
  const old = signServiceMap(MAP, ed25519SignKey(golden.privatePem, 'old'));
  expect(signServiceMap(old, KEY)).toEqual(signServiceMap(MAP, KEY));
});

test('generateSignatureKey() makes keys that sign and verify, never twice the same', () => {
  const hmac = generateSignatureKey('hmac-sha256');
  const pair = generateSignatureKey('ed25519');
  if (hmac.alg !== 'hmac-sha256' || pair.alg !== 'ed25519') throw new Error('wrong algorithm');
  expect(Buffer.from(hmac.secret, 'base64url')).toHaveLength(32);
  expect(generateSignatureKey('hmac-sha256')).not.toEqual(hmac);
  const signed = signServiceMap(MAP, ed25519SignKey(pair.privatePem));
  expect(reasonOf(signed, [ed25519VerifyKey(pair.publicPem)])).toBe('valid');
  expect(reasonOf(signed, [ed25519VerifyKey(golden.publicPem)])).toBe('mismatch');
});

test('hmacKey() and the Ed25519 keys refuse unusable material without showing it', () => {
  expect(() => hmacKey('')).toThrow(expect.objectContaining({ code: 'SIGNATURE_KEY_INVALID' }));
  expect(() => ed25519VerifyKey('canary-material')).toThrow(/^(?!.*canary)/);
  const rsa = generateKeyPairSync('rsa', { modulusLength: 1_024 });
  const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' });
  expect(() => ed25519VerifyKey(pem)).toThrow(/Ed25519 key, got 'rsa'/);
});
