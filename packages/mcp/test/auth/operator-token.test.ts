import { randomBytes } from 'node:crypto';
import { tempFolder } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { createSecretCheck } from '../../src/auth/api-key.ts';
import { createOperatorCredential } from '../../src/auth/operator-credential.ts';
import { isOperatorToken, mintOperatorToken } from '../../src/auth/operator-token.ts';
import { ensureSecret, readSecret } from '../../src/auth/secret-file.ts';

const secret = randomBytes(32);
const NOW = 1_800_000_000_000;

test('a token is good for its port, for a minute, and with its secret only', () => {
  const token = mintOperatorToken(secret, 3024, NOW);
  const at = (port: number | undefined, nowMs: number) =>
    isOperatorToken(secret, token, { port, nowMs });
  expect(at(3024, NOW + 59_000)).toBe(true);
  expect(at(3024, NOW + 62_000)).toBe(false);
  expect(at(3025, NOW)).toBe(false);
  expect(at(undefined, NOW)).toBe(false);
  expect(at(3024, NOW - 600_000), 'a clock that was set back').toBe(false);
  expect(isOperatorToken(randomBytes(32), token, { port: 3024, nowMs: NOW })).toBe(false);
  for (const text of ['', 'mgo_', `${token}x`, token.replace('mgo_', 'mgo_z')]) {
    expect(isOperatorToken(secret, text, { port: 3024, nowMs: NOW })).toBe(false);
  }
});

test('createOperatorCredential() finds a secret that is made later', async () => {
  await using folder = tempFolder();
  const credential = createOperatorCredential(folder.path);
  expect(credential(1)).toBeUndefined();
  const made = await ensureSecret(folder.path, 'operator-key');
  const token = credential(1) ?? '';
  expect(isOperatorToken(made, token, { port: 1, nowMs: Date.now() })).toBe(true);
});

test('ensureSecret() makes one secret, however many ask', async () => {
  await using folder = tempFolder();
  expect(await readSecret(folder.path, 'x')).toBeUndefined();
  const made = await Promise.all(
    Array.from({ length: 20 }, async () => (await ensureSecret(folder.path, 'x')).toString('hex')),
  );
  expect(new Set(made).size).toBe(1);
});

test('createSecretCheck() takes the whole secret only', () => {
  const check = createSecretCheck('a-shared-key-of-some-length');
  expect(check('a-shared-key-of-some-length')).toBe(true);
  for (const text of ['', 'a', 'a-shared-key-of-some-lengt', 'a-shared-key-of-some-lengthh']) {
    expect(check(text)).toBe(false);
  }
});

/** Nanoseconds that one run of many takes. */
function timeOf(run: () => void): number {
  const begin = process.hrtime.bigint();
  for (let index = 0; index < 50; index += 1) run();
  return Number(process.hrtime.bigint() - begin) / 50;
}

test('the time of a comparison does not tell how much of a key is right (informational)', ({
  annotate,
}) => {
  const key = randomBytes(32).toString('base64url');
  const check = createSecretCheck(key);
  const wrongAtOnce = `#${key.slice(1)}`;
  const wrongAtLast = `${key.slice(0, -1)}#`;
  for (let warm = 0; warm < 5_000; warm += 1) check(wrongAtOnce);
  let [early, late] = [Infinity, Infinity];
  // In turns, and the least of each: whatever else the machine does makes some of them slow.
  for (let round = 0; round < 400; round += 1) {
    early = Math.min(
      early,
      timeOf(() => check(wrongAtOnce)),
    );
    late = Math.min(
      late,
      timeOf(() => check(wrongAtLast)),
    );
  }
  void annotate(`wrong at once ${early.toFixed(0)} ns, wrong at last ${late.toFixed(0)} ns`);
  // Far from a proof: a comparison that stops early differs by far more over 43 characters.
  expect(Math.max(early, late) / Math.min(early, late)).toBeLessThan(2);
});
