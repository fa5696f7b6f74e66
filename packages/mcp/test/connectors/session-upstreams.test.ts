import { expect, test } from 'vitest';
import { createConnectorAccess } from '../../src/connectors/entry/connector-access.ts';
import {
  SessionUpstreams,
  type SessionUpstreamsOptions,
} from '../../src/connectors/entry/session-upstreams.ts';
import type { SyncedUpstream } from '../../src/connectors/entry/synced-upstream.ts';
import type { JsonObject } from '../../src/protocol/message.ts';
import {
  OWN_CALLER,
  type Caller,
  type ForwardRequest,
  type Upstream,
  type UpstreamClient,
  type UpstreamEvents,
} from '../../src/upstream/upstream.ts';
import { UpstreamError } from '../../src/upstream/upstream-error.ts';
import { connector } from '../e2e/gateway-fixture.ts';
import { recorder } from '../upstream/recorder.ts';
import { advance, useFakeTime } from './fake-time.ts';

useFakeTime();

const REQUEST: ForwardRequest = {
  id: 1,
  method: 'tools/call',
  members: [],
  meta: [],
  name: 'echo',
  paramHeaders: {},
  clientEra: 'legacy',
  caller: OWN_CALLER,
};

interface Made {
  readonly client: UpstreamClient;
  readonly events: UpstreamEvents;
  readonly upstream: { -readonly [K in keyof SyncedUpstream]: SyncedUpstream[K] };
  readonly log: string[];
  inFlight: number;
  /** Set: connecting fails. */
  isDown: boolean;
}

function made(client: UpstreamClient, events: UpstreamEvents): Made {
  const it: Made = {
    client,
    events,
    log: [],
    inFlight: 0,
    isDown: false,
    upstream: {
      connectorId: 'one',
      info: undefined,
      phase: 'ready',
      get inFlight() {
        return it.inFlight;
      },
      connect: async () => {
        it.log.push('connect');
        const details = { connectorId: 'one', phase: 'connect' } as const;
        if (it.isDown) throw new UpstreamError('CONNECT_FAILED', 'down', details);
        return await Promise.reject(new Error('nothing is connected here'));
      },
      request: async (method) => method,
      forward: () => {
        it.inFlight += 1;
        const end = (): void => {
          it.inFlight -= 1;
        };
        return { cancel: end, pause: () => undefined, resume: () => undefined };
      },
      setInterest: async ({ resources }) => {
        it.log.push(`wants ${[...resources].join()}`);
      },
      notify: (text) => void it.log.push(text),
      drain: async (maxMs) => void it.log.push(`drain ${maxMs}`),
      close: async () => void it.log.push('close'),
    },
  };
  return it;
}

interface Rig {
  readonly sessions: SessionUpstreams;
  readonly made: Made[];
  readonly told: unknown[][];
}

function rig(changes: Partial<SessionUpstreamsOptions> = {}): Rig {
  const all: Made[] = [];
  const told: unknown[][] = [];
  const sessions = new SessionUpstreams({
    connectorId: 'one',
    create: (client, events) => {
      const one = made(client, events);
      all.push(one);
      return one.upstream;
    },
    told: (...what) => void told.push(what),
    maxSessions: 3,
    idleMs: 1_000,
    random: () => 0,
    ...changes,
  });
  return { sessions, made: all, told };
}

function caller(id: string, capabilities: JsonObject = {}, info?: object): Caller {
  const key = 'io.modelcontextprotocol/clientInfo';
  return {
    id,
    capabilities,
    envelope: info === undefined ? [] : [{ key, text: JSON.stringify(info) }],
  };
}

const failure = async (upstream: Upstream): Promise<unknown> => {
  const sink = recorder();
  const handle = upstream.forward(REQUEST, sink);
  handle.cancel('all the same');
  return await sink.outcome;
};

test('acquire() gives each session a connection of its own, in the name of its client', async () => {
  const { sessions, made: all, told } = rig();
  const info = { name: 'desktop', version: '1', title: 'Desktop' };
  const one = sessions.acquire(caller('a', { roots: {} }, info));
  expect(sessions.acquire(caller('a', { roots: {} }, info))).toBe(one);
  expect(sessions.acquire(caller('b'))).not.toBe(one);
  expect(all.map(({ client }) => client)).toEqual([
    { clientInfo: info, capabilities: { roots: {} }, sole: true },
    { clientInfo: undefined, capabilities: {}, sole: true },
  ]);
  all[0]?.events.notification('notifications/message', '{"log":1}');
  all[1]?.events.notification('notifications/tools/list_changed', '{}');
  expect(told).toEqual([['a', 'notifications/message', '{"log":1}']]);
  await sessions.close();
});

test('clients without sessions share a connection when they declared the same, in whatever order', async () => {
  const { sessions, made: all, told } = rig();
  const one = sessions.acquire(caller('', { roots: {}, elicitation: { url: {}, form: {} } }));
  expect(sessions.acquire(caller('', { elicitation: { form: {}, url: {} }, roots: {} }))).toBe(one);
  expect(sessions.acquire(caller('', { roots: {} }))).not.toBe(one);
  expect(all.map(({ client }) => client.sole)).toEqual([false, false]);
  all[0]?.events.notification('notifications/resources/updated', '{}');
  expect(told).toEqual([[undefined, 'notifications/resources/updated', '{}']]);
  sessions.release('');
  expect(sessions.size).toBe(2);
  await sessions.close();
});

test('release() closes what was opened for that session alone, notify() reaches it alone', async () => {
  const { sessions, made: all } = rig();
  sessions.acquire(caller('a'));
  sessions.acquire(caller('b'));
  sessions.notify('a', 'roots changed');
  sessions.notify('c', 'nobody');
  sessions.release('a');
  sessions.release('a');
  expect(all.map(({ log }) => log)).toEqual([['roots changed', 'close'], []]);
  expect(sessions.size).toBe(1);
  await sessions.close();
  expect(all[1]?.log).toEqual(['close']);
});

test('the longest unused idle connection gives way; when none can, calls fail with a clear error', async () => {
  const { sessions, made: all } = rig();
  const [a, b, c] = ['a', 'b', 'c'].map((id) => sessions.acquire(caller(id)));
  const handle = a?.forward(REQUEST, recorder());
  await b?.setInterest({ resources: new Set(['a://1']), logLevel: undefined });
  c?.forward(REQUEST, recorder());
  const refused = sessions.acquire(caller('d'));
  expect(await failure(refused)).toMatchObject({
    kind: 'fail',
    error: {
      code: 'QUOTA_EXCEEDED',
      message: 'all 3 sessions of this connector are in use',
      unsent: true,
    },
  });
  await expect(refused.connect(AbortSignal.timeout(1))).rejects.toMatchObject({
    code: 'QUOTA_EXCEEDED',
  });
  handle?.cancel('done');
  expect(sessions.inFlight).toBe(1);
  sessions.acquire(caller('d'));
  expect(all.map(({ log }) => log.includes('close'))).toEqual([true, false, false, false]);
  await sessions.close();
});

test('a connection without a call is closed after its idle time, never one that is in use', async () => {
  const { sessions, made: all } = rig();
  sessions.acquire(caller('idle'));
  const busy = sessions.acquire(caller('busy'));
  const followed = sessions.acquire(caller('followed'));
  const handle = busy.forward(REQUEST, recorder());
  await followed.setInterest({ resources: new Set(), logLevel: 'info' });
  await advance(1_300);
  expect(all.map(({ log }) => log.includes('close'))).toEqual([true, false, false]);
  handle.cancel('done');
  await followed.setInterest({ resources: new Set(), logLevel: undefined });
  await advance(700);
  expect(sessions.size).toBe(2);
  await advance(700);
  expect(sessions.size).toBe(0);
});

test('a lost connection is made again while somebody listens on it, ever more rarely', async () => {
  const { sessions, made: all } = rig({ idleMs: 3_600_000 });
  const upstream = sessions.acquire(caller('a'));
  const [one] = all;
  const lost = new UpstreamError('STREAM_CUT', 'gone', { connectorId: 'one', phase: 'ready' });
  one?.events.closed(lost);
  await advance(60_000);
  expect(one?.log).toEqual([]);
  await upstream.setInterest({ resources: new Set(['a://1']), logLevel: undefined });
  one?.events.closed(lost);
  await advance(500);
  await advance(1_000);
  await advance(2_000);
  expect(one?.log.filter((what) => what === 'connect')).toHaveLength(3);
  await sessions.close();
  await advance(60_000);
  expect(one?.log.filter((what) => what === 'connect')).toHaveLength(3);
});

test('what is asked of a connection reaches it, and an interest it refuses keeps nothing open', async () => {
  const { sessions, made: all } = rig();
  const upstream = sessions.acquire(caller('a'));
  const options = { signal: AbortSignal.timeout(1_000), timeoutMs: 1_000 };
  expect(await upstream.request('ping', [], options)).toBe('ping');
  await expect(upstream.connect(options.signal)).rejects.toThrow('nothing is connected here');
  const seen = [upstream.connectorId, upstream.info, upstream.phase];
  expect(seen).toEqual(['one', undefined, 'ready']);
  const [one] = all;
  if (one !== undefined) {
    one.upstream.setInterest = async () => await Promise.reject(new Error('refused'));
  }
  const interest = { resources: new Set(['a://1']), logLevel: undefined };
  await expect(upstream.setInterest(interest)).rejects.toThrow('refused');
  await advance(1_300);
  expect(sessions.size).toBe(0);
});

test('close() ends all of them, and what comes later fails with CLOSED', async () => {
  const { sessions, made: all } = rig();
  sessions.acquire(caller('a'));
  await sessions.drain(50);
  await sessions.close();
  expect(all[0]?.log).toEqual(['drain 50', 'close']);
  expect(await failure(sessions.acquire(caller('a')))).toMatchObject({ error: { code: 'CLOSED' } });
});

test('createConnectorAccess() gives one connection to all, or one to each, as the connector says', async () => {
  const shared = made(
    { clientInfo: undefined, capabilities: {}, sole: false },
    {
      notification: () => undefined,
      closed: () => undefined,
    },
  );
  const own: Made[] = [];
  const options = {
    shared: shared.upstream,
    create: (client: UpstreamClient, events: UpstreamEvents) => {
      const one = made(client, events);
      own.push(one);
      return one.upstream;
    },
    told: () => undefined,
    random: () => 0,
  };
  const transport = { kind: 'http', url: 'http://127.0.0.1:1/', headers: {} } as const;
  const all = createConnectorAccess(connector('one', transport), options);
  expect(all.acquire(caller('a'))).toBe(shared.upstream);
  all.release('a');
  shared.inFlight = 2;
  expect(all.inFlight).toBe(2);
  await all.drain(10);
  await all.close();
  expect(shared.log).toEqual(['drain 10', 'close']);
  const each = createConnectorAccess(
    connector('one', transport, { isolation: 'session' }),
    options,
  );
  each.acquire(caller('a')).forward(REQUEST, recorder());
  each.notify?.('a', 'roots');
  expect(each.inFlight).toBe(1);
  await each.drain(20);
  each.release('a');
  await each.close();
  expect(own[0]?.log).toEqual(['roots', 'drain 20', 'close']);
  expect(shared.log.at(-1)).toBe('close');
});
