import { expect, test } from 'vitest';
import type { StoredCredential } from '../../src/credentials/credential-store.ts';
import { holdToken } from '../../src/credentials/held-token.ts';

const RECORD: StoredCredential = {
  connectorId: 'one',
  issuer: 'https://as.test',
  server: 'https://x.test/mcp',
  resource: 'https://x.test/mcp',
  clientId: 'client',
  accessToken: 'token',
  obtainedAtMs: 1_000_000,
  expiresAtMs: 1_100_000,
  scopes: [],
};
const AT = { nowMs: 5_000, wallMs: 1_000_000, renewable: true };

test('holdToken() renews at 75 to 90 % of the lifetime and gives up 5 s before its end (M6)', () => {
  const shares = [0, 0.5, 0.999].map((draw) => {
    const held = holdToken(RECORD, { ...AT, random: () => draw });
    expect(held).toMatchObject({ header: 'Bearer token', expiresAtMs: 5_000 + 95_000 });
    return ((held?.refreshAtMs ?? 0) - 5_000) / 100_000;
  });
  expect(shares[0]).toBeCloseTo(0.75);
  expect(shares[2]).toBeLessThan(0.9);
});

test('holdToken() counts what has gone by since the token was given, and nothing for one without an end', () => {
  const later = holdToken(RECORD, { ...AT, wallMs: 1_099_000, random: () => 0 });
  expect(later?.expiresAtMs).toBeLessThan(5_000);
  const { expiresAtMs: _end, ...endless } = RECORD;
  expect(holdToken(endless, { ...AT, random: () => 0 })).toMatchObject({
    refreshAtMs: Infinity,
    expiresAtMs: Infinity,
  });
  const { accessToken: _token, ...none } = RECORD;
  expect(holdToken(none, { ...AT, random: () => 0 })).toBeUndefined();
});

test('holdToken() asks for no renewal where there is none, and leaves short tokens most of their time', () => {
  const held = holdToken(RECORD, { ...AT, renewable: false, random: () => 0 });
  expect(held?.refreshAtMs).toBe(held?.expiresAtMs);
  const short = { ...RECORD, expiresAtMs: 1_002_000 };
  expect(holdToken(short, { ...AT, random: () => 0 })?.expiresAtMs).toBe(5_000 + 1_800);
});
