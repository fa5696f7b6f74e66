import { expect, test } from 'vitest';
import type { GuardableUpstream } from '../../src/upstream/guarded-upstream.ts';
import {
  createSseFallback,
  type HttpKind,
} from '../../src/upstream/http-sse/legacy-sse-fallback.ts';
import type { UpstreamInfo } from '../../src/upstream/upstream.ts';
import { UpstreamError, type UpstreamErrorCode } from '../../src/upstream/upstream-error.ts';
import { SIGNAL, recorder, toolCall } from './http-fixture.ts';

const INFO: UpstreamInfo = {
  era: 'legacy',
  protocolVersion: '2024-11-05',
  capabilities: {},
  serverInfo: undefined,
  instructions: undefined,
};
const WANTED = { resources: new Set(['a://b']), logLevel: undefined };
const NOTHING = { resources: new Set<string>(), logLevel: undefined };

function failure(code: UpstreamErrorCode, httpStatus?: number): UpstreamError {
  const status = httpStatus === undefined ? {} : { httpStatus };
  return new UpstreamError(code, 'no', { connectorId: 'one', phase: 'connect', ...status });
}

interface Rig {
  readonly upstream: GuardableUpstream;
  /** What was done to which of the two, in order. */
  readonly done: string[];
  readonly remembered: HttpKind[];
}

/** Both transports of one server; each connect of a kind does the next thing, and then the last one again. */
function rig(connects: Readonly<Record<HttpKind, readonly unknown[]>>, known?: HttpKind): Rig {
  const done: string[] = [];
  const remembered: HttpKind[] = [];
  const turns = { http: [...connects.http], sse: [...connects.sse] };
  const create = (kind: HttpKind): GuardableUpstream => ({
    connectorId: 'one',
    info: undefined,
    phase: 'connect',
    connect: async () => {
      done.push(`${kind} connect`);
      const [turn] = turns[kind].length > 1 ? turns[kind].splice(0, 1) : turns[kind];
      if (turn instanceof Error) throw turn;
      return await Promise.resolve(INFO);
    },
    request: async () => {
      done.push(`${kind} request`);
      return await Promise.resolve('{}');
    },
    forward: (_request, sink) => {
      done.push(`${kind} forward`);
      sink.result('{}', 'legacy');
      return { cancel: () => undefined, pause: () => undefined, resume: () => undefined };
    },
    setInterest: async () => {
      done.push(`${kind} interest`);
      await Promise.resolve();
    },
    notify: () => void done.push(`${kind} notify`),
    passEnded: () => void done.push(`${kind} pass ended`),
    close: async () => {
      done.push(`${kind} close`);
      await Promise.resolve();
    },
  });
  const upstream = createSseFallback({
    create,
    remembered: { get: () => known, set: (kind) => void remembered.push(kind) },
  });
  return { upstream, done, remembered };
}

test('a server that works is asked once; everything goes to its transport', async () => {
  const { upstream, done, remembered } = rig({ http: [INFO], sse: [] });
  await upstream.setInterest(NOTHING);
  await upstream.setInterest(WANTED);
  await upstream.request('ping', [], { signal: SIGNAL, timeoutMs: 1_000 });
  const sink = recorder();
  upstream.forward(toolCall('legacy'), sink);
  await sink.outcome;
  await upstream.setInterest(WANTED);
  upstream.notify?.('{}');
  upstream.passEnded?.();
  expect(await upstream.connect(SIGNAL)).toBe(INFO);
  expect(done).toEqual([
    'http interest',
    'http connect',
    'http interest',
    'http request',
    'http forward',
    'http interest',
    'http notify',
    'http pass ended',
    'http connect',
  ]);
  expect(remembered).toEqual(['http']);
});

test.each([
  ['is no answer of the server', failure('CONNECT_FAILED')],
  ['is of another status', failure('HTTP_STATUS', 400)],
  ['is a defect', new TypeError('a defect')],
])('a failure that %s does not make the other transport likely', async (_name, error) => {
  const { upstream, done } = rig({ http: [error], sse: [INFO] });
  await expect(upstream.connect(SIGNAL)).rejects.toBe(error);
  expect(done).toEqual(['http connect']);
});

test('a server known to work that fails for a while is asked by the same transport', async () => {
  const away = failure('CONNECT_FAILED');
  const { upstream, done } = rig({ http: [INFO, away, INFO], sse: [INFO] });
  await upstream.connect(SIGNAL);
  await expect(upstream.connect(SIGNAL)).rejects.toBe(away);
  await upstream.connect(SIGNAL);
  expect(done).toEqual(['http connect', 'http connect', 'http connect']);
});

test('a server known to work that takes POST no more is asked anew', async () => {
  const gone = failure('HTTP_STATUS', 405);
  const { upstream, done, remembered } = rig({ http: [INFO, gone], sse: [INFO] });
  await upstream.connect(SIGNAL);
  expect(await upstream.connect(SIGNAL)).toBe(INFO);
  expect(done).toEqual([
    'http connect',
    'http connect',
    'http connect',
    'sse connect',
    'http close',
  ]);
  expect(remembered).toEqual(['http', 'sse']);
});

test.each([
  ['has no such stream', failure('HTTP_STATUS', 404), true],
  ['answers with something else', failure('BAD_RESPONSE'), true],
  ['is broken', failure('HTTP_STATUS', 500), false],
  ['is away', failure('CONNECT_FAILED'), false],
  ['meets a defect', new TypeError('a defect'), false],
])(
  'a server remembered for SSE that %s: is streamable HTTP tried? %#',
  async (_name, error, other) => {
    const { upstream, done } = rig({ http: [INFO], sse: [error] }, 'sse');
    const outcome = await upstream.connect(SIGNAL).catch((reason: unknown) => reason);
    expect(outcome).toBe(other ? INFO : error);
    expect(done.includes('http connect')).toBe(other);
  },
);
