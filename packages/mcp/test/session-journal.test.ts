import { appendFile, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder } from '@cortex-os/testkit';
import { afterEach, expect, test, vi } from 'vitest';
import type { KeptSession, SessionMemory } from '../src/gateway/session/session-memory.ts';
import { createSessionJournal, type SessionJournalLimits } from '../src/service/session-journal.ts';

afterEach(() => void vi.useRealTimers());

const KEPT: KeptSession = {
  connectorId: undefined,
  principalId: 'anonymous',
  client: {
    protocolVersion: '2025-11-25',
    capabilities: { sampling: {} },
    infoText: '{"name":"c","version":"1"}',
  },
  logLevel: 'warning',
  resources: ['file:///a'],
};

function journal(
  folder: string,
  limits: Partial<SessionJournalLimits> = {},
  errors: unknown[] = [],
): SessionMemory {
  return createSessionJournal({
    path: join(folder, 'state', 'sessions.jsonl'),
    mayCompact: () => true,
    onError: (error) => errors.push(error),
    limits,
  });
}

test('recall() finds what another process keeps, its last state, and nothing of one that is over', async () => {
  await using folder = tempFolder();
  const one = journal(folder.path);
  const other = journal(folder.path);
  one.keep('a', { ...KEPT, logLevel: undefined, connectorId: 'web' });
  one.keep('a', KEPT);
  one.keep('b', KEPT);
  // Not yet written: it is looked for again.
  expect(await other.recall('a')).toEqual(KEPT);
  expect(await other.recall('b')).toEqual(KEPT);
  one.forget('b');
  await one.flush();
  expect(await other.recall('b')).toBeUndefined();
  expect(await other.recall('never-opened')).toBeUndefined();
  // Its own as well, as after a restart.
  expect(await one.recall('a')).toEqual(KEPT);
});

test('the file is for this user alone and holds no session id (S2)', async () => {
  await using folder = tempFolder();
  const one = journal(folder.path);
  one.keep('the-secret-id', KEPT);
  await one.flush();
  const path = join(folder.path, 'state', 'sessions.jsonl');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readFile(path, 'utf8')).not.toContain('the-secret-id');
});

test('a session nobody wrote of for maxAgeMs is forgotten', async () => {
  await using folder = tempFolder();
  const one = journal(folder.path, { maxAgeMs: 1_000 });
  one.keep('a', KEPT);
  await one.flush();
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 2_000 });
  expect(await journal(folder.path, { maxAgeMs: 1_000 }).recall('a')).toBeUndefined();
});

test('lines that were cut, and lines of others, spoil no other', async () => {
  await using folder = tempFolder();
  const one = journal(folder.path);
  one.keep('a', KEPT);
  await one.flush();
  await appendFile(
    join(folder.path, 'state', 'sessions.jsonl'),
    '{"session":"cut\n{}\nnull\n{"ses',
  );
  one.keep('b', KEPT);
  await one.flush();
  const other = journal(folder.path);
  expect(await other.recall('a')).toEqual(KEPT);
  expect(await other.recall('b')).toEqual(KEPT);
});

test('a session larger than maxLine is not kept', async () => {
  await using folder = tempFolder();
  const one = journal(folder.path, { maxLine: 600 });
  one.keep('small', KEPT);
  one.keep('large', { ...KEPT, resources: ['x'.repeat(600)] });
  await one.flush();
  expect(await one.recall('small')).toBeDefined();
  expect(await one.recall('large')).toBeUndefined();
});

test('a session that has grown larger than maxLine is over: it does not come back as it once was', async () => {
  await using folder = tempFolder();
  const one = journal(folder.path, { maxLine: 600 });
  one.keep('a', KEPT);
  one.keep('a', { ...KEPT, resources: ['x'.repeat(600)] });
  await one.flush();
  expect(await journal(folder.path).recall('a')).toBeUndefined();
});

test('sessions that fill the file do not have it written anew each time one is looked for: the oldest go', async () => {
  await using folder = tempFolder();
  const limits = { maxBytes: 20_000 };
  const one = journal(folder.path, limits);
  for (let id = 0; id < 200; id += 1) one.keep(String(id), KEPT);
  await one.flush();
  expect(await one.recall('199')).toEqual(KEPT);
  const path = join(folder.path, 'state', 'sessions.jsonl');
  const before = await stat(path);
  expect(before.size).toBeLessThanOrEqual(15_000);
  expect(await one.recall('198')).toEqual(KEPT);
  expect(await one.recall('0')).toBeUndefined();
  expect((await stat(path)).ino).toBe(before.ino);
});

test('a line that never ends costs no session, and is gone when the file is written anew', async () => {
  await using folder = tempFolder();
  const limits = { maxBytes: 20_000 };
  const one = journal(folder.path, limits);
  one.keep('a', KEPT);
  await one.flush();
  const path = join(folder.path, 'state', 'sessions.jsonl');
  await appendFile(path, 'x'.repeat(30_000));
  const next = journal(folder.path, limits);
  expect(await next.recall('a')).toEqual(KEPT);
  expect((await stat(path)).size).toBeLessThan(1_000);
  expect(await next.recall('a')).toEqual(KEPT);
});

test('a file beyond maxBytes is written anew with the last state of each session, whoever appends meanwhile', async () => {
  await using folder = tempFolder();
  const limits = { maxBytes: 20_000 };
  const one = journal(folder.path, limits);
  const other = journal(folder.path, limits);
  for (let round = 0; round < 40; round += 1) {
    for (const id of ['a', 'b', 'c']) one.keep(id, { ...KEPT, resources: [`r${round}`] });
    other.keep(`other-${round}`, KEPT);
    await Promise.all([one.flush(), other.flush()]);
  }
  const { size } = await stat(join(folder.path, 'state', 'sessions.jsonl'));
  // 160 lines of some 300 bytes would be more than twice as much.
  expect(size).toBeLessThan(40_000);
  const later = journal(folder.path, limits);
  for (const id of ['a', 'b', 'c']) {
    expect((await later.recall(id))?.resources).toEqual(['r39']);
  }
  for (const round of [0, 20, 39]) expect(await later.recall(`other-${round}`)).toEqual(KEPT);
});

test('at most maxSessions of other processes are held, the newest', async () => {
  await using folder = tempFolder();
  const one = journal(folder.path);
  for (let id = 0; id < 5; id += 1) one.keep(String(id), KEPT);
  await one.flush();
  const small = journal(folder.path, { maxSessions: 2 });
  expect(await small.recall('4')).toEqual(KEPT);
  expect(await small.recall('0')).toBeUndefined();
});

test('a folder that cannot be written is said, and nothing fails for it', async () => {
  await using folder = tempFolder();
  const path = join(folder.path, 'state');
  await appendFile(path, 'a file in the place of the folder');
  const errors: unknown[] = [];
  const one = journal(folder.path, {}, errors);
  one.keep('a', KEPT);
  await one.flush();
  expect(errors.length).toBeGreaterThan(0);
  expect(await one.recall('a')).toBeUndefined();
});
