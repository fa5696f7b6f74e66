import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ANONYMOUS } from '../../src/gateway/reply/anonymous.ts';
import { DEFAULT_SESSION_LIMITS, SessionStore } from '../../src/gateway/session/session-store.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const client = { protocolVersion: '2025-11-25', capabilities: {}, infoText: undefined };
const fields = { connectorId: undefined, client };

test('a session that nobody uses for its idle time is forgotten, one in use is not', () => {
  const store = new SessionStore({ ...DEFAULT_SESSION_LIMITS, idleMs: 60_000 });
  const idle = store.create(fields);
  const used = store.create(fields);
  for (let half = 0; half < 3; half += 1) {
    vi.advanceTimersByTime(30_000);
    expect(store.use(used.id, undefined)).toBe(used);
  }
  expect(store.use(idle.id, undefined)).toBeUndefined();
  expect(store.size).toBe(1);
});

test('the least recently used session gives way at the limit', () => {
  const store = new SessionStore({ ...DEFAULT_SESSION_LIMITS, maxSessions: 2 });
  const first = store.create(fields);
  const second = store.create(fields);
  store.use(first.id, undefined);
  const third = store.create(fields);
  expect(store.size).toBe(2);
  expect(store.use(second.id, undefined)).toBeUndefined();
  expect(store.use(first.id, undefined)).toBe(first);
  expect(store.use(third.id, undefined)).toBe(third);
});

test('a session is unknown on another endpoint than its own', () => {
  const store = new SessionStore();
  const session = store.create({ ...fields, connectorId: 'github' });
  expect(store.use(session.id, undefined)).toBeUndefined();
  expect(store.use(session.id, 'github')).toBe(session);
});

test('no timer is left without sessions', () => {
  const store = new SessionStore();
  const session = store.create(fields);
  store.create(fields);
  expect(vi.getTimerCount()).toBe(1);
  store.end(session, 'test');
  expect(vi.getTimerCount()).toBe(1);
  store.close();
  expect(vi.getTimerCount()).toBe(0);
});

test('a session is unknown to anybody but its owner', () => {
  const store = new SessionStore();
  const ann = { ...ANONYMOUS, id: 'key:ann' };
  const session = store.create({ ...fields, principal: ann });
  expect(store.use(session.id, undefined, { ...ann, id: 'key:bob' })).toBeUndefined();
  expect(store.use(session.id, undefined)).toBeUndefined();
  expect(store.use(session.id, undefined, ann)).toBe(session);
  const narrowed = { ...ann, scopes: new Set(['client']) };
  store.use(session.id, undefined, narrowed);
  expect(session.principal, 'what he may do may change').toBe(narrowed);
});

test('the end of a session is told once to everybody concerned', () => {
  const store = new SessionStore();
  const session = store.create(fields);
  const told: string[] = [];
  const target = {
    callTimeouts: { idleTimeoutMs: 1, maxCallMs: 1 },
    acquire: () => {
      throw new Error('not called here');
    },
    release: (id: string) => void told.push(`released ${id}`),
    notify: (id: string, text: string) => void told.push(`${id} ${text}`),
  };
  session.uses('c', target);
  session.uses('c', target);
  session.tell('{}');
  session.onEnd(() => void told.push('ended'));
  store.end(session, 'test');
  session.end('again');
  expect(told).toEqual([`${session.id} {}`, `released ${session.id}`, 'ended']);
});

test('the caller of a session carries its level once it is set', () => {
  const session = new SessionStore().create({
    ...fields,
    client: { ...client, infoText: '{"name":"x"}', capabilities: { roots: { listChanged: true } } },
  });
  const textOf = () => session.caller.envelope.map(({ key, text }) => [key.split('/')[1], text]);
  const envelope = [
    ['protocolVersion', '"2026-07-28"'],
    ['clientCapabilities', '{"roots":{}}'],
    ['clientInfo', '{"name":"x"}'],
  ];
  expect(textOf()).toEqual(envelope);
  session.logLevel = 'error';
  expect(textOf()).toEqual([...envelope, ['logLevel', '"error"']]);
  expect(session.caller).toMatchObject({
    id: session.id,
    capabilities: { roots: { listChanged: true } },
  });
  session.end('test');
});

test('what is in use is said every 6 h, so that it is not taken for over; what is not used is not', () => {
  const store = new SessionStore({ ...DEFAULT_SESSION_LIMITS, idleMs: 86_400_000 });
  const said: string[] = [];
  store.onInUse(({ id }) => said.push(id));
  const used = store.create(fields);
  store.create(fields);
  vi.advanceTimersByTime(6 * 3_600_000 + 15_000);
  // Both were opened since.
  expect(said).toHaveLength(2);
  vi.advanceTimersByTime(3_600_000);
  store.use(used.id, undefined);
  vi.advanceTimersByTime(5 * 3_600_000 + 15_000);
  expect(said.slice(2)).toEqual([used.id]);
  store.close();
});
