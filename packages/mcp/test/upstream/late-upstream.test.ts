import { expect, test } from 'vitest';
import {
  createGuardedUpstream,
  type DrainableUpstream,
} from '../../src/upstream/guarded-upstream.ts';
import { createLateUpstream } from '../../src/upstream/late-upstream.ts';
import type { UpstreamError } from '../../src/upstream/upstream-error.ts';
import {
  OWN_CALLER,
  type ForwardRequest,
  type ForwardSink,
  type Interest,
  type Upstream,
  type UpstreamInfo,
} from '../../src/upstream/upstream.ts';
import { advance, useFakeTime } from '../connectors/fake-time.ts';
import { connector } from '../e2e/gateway-fixture.ts';

useFakeTime();

const INFO: UpstreamInfo = {
  era: 'modern',
  protocolVersion: '2026-07-28',
  capabilities: {},
  serverInfo: undefined,
  instructions: undefined,
};

const REQUEST: ForwardRequest = {
  id: 1,
  method: 'tools/call',
  members: [],
  meta: [],
  name: 'echo',
  paramHeaders: {},
  clientEra: 'modern',
  caller: OWN_CALLER,
};

/** An upstream whose calls end when the test says so. */
function scripted() {
  const it = {
    interests: [] as Interest[],
    sinks: [] as ForwardSink[],
    log: [] as string[],
    passes: 0,
  };
  const upstream: Upstream & { passEnded(): void } = {
    connectorId: 'one',
    info: INFO,
    phase: 'ready',
    connect: async () => INFO,
    request: async (method) => `"${method}"`,
    forward: (_, sink) => {
      it.sinks.push(sink);
      const note = (what: string) => () => void it.log.push(what);
      return { cancel: note('cancel'), pause: note('pause'), resume: note('resume') };
    },
    setInterest: async (interest) => void it.interests.push(interest),
    notify: (text) => void it.log.push(text),
    close: async () => void it.log.push('close'),
    passEnded: () => {
      it.passes += 1;
    },
  };
  return { ...it, upstream, state: it };
}

/** A client's sink that writes down what it hears. */
function listening() {
  const heard: string[] = [];
  const sink: ForwardSink = {
    notification: () => void heard.push('notification'),
    request: () => void heard.push('request'),
    result: () => void heard.push('result'),
    error: () => void heard.push('error'),
    whole: () => void heard.push('whole'),
    open: () => void heard.push('open'),
    chunk: () => heard.push('chunk') > 0,
    end: () => void heard.push('end'),
    fail: (error: UpstreamError) => void heard.push(`${error.code} ${error.retryAfterMs ?? '-'}`),
  };
  return { heard, sink };
}

const ENDS: readonly ((sink: ForwardSink) => void)[] = [
  (sink) => sink.result('{}', 'modern'),
  (sink) => sink.error('{}', 'modern'),
  (sink) => sink.whole(Buffer.from('{}')),
  (sink) => {
    sink.notification('{}');
    sink.request({
      method: 'roots/list',
      paramsText: undefined,
      respond: () => undefined,
      onCancelled: () => undefined,
    });
    sink.open();
    sink.chunk(Buffer.from('x'));
    sink.end();
  },
];

test('a guarded upstream counts a call until whichever end it comes to, and passes everything on', () => {
  const { upstream, sinks, state } = scripted();
  const guarded = createGuardedUpstream(upstream);
  for (const end of ENDS) {
    const { sink, heard } = listening();
    guarded.forward(REQUEST, sink);
    expect(guarded.inFlight).toBe(1);
    end(sinks.at(-1) ?? sink);
    expect(guarded.inFlight).toBe(0);
    expect(heard.length).toBeGreaterThan(0);
  }
  const handle = guarded.forward(REQUEST, listening().sink);
  handle.pause();
  handle.resume();
  handle.cancel('gone');
  handle.cancel('again');
  expect([guarded.inFlight, state.log]).toEqual([0, ['pause', 'resume', 'cancel', 'cancel']]);
  guarded.passEnded?.();
  expect(state.passes).toBe(1);
});

test('drain() waits for the calls, at most its time, and ends with close()', async () => {
  const { upstream, sinks } = scripted();
  const guarded = createGuardedUpstream(upstream);
  await guarded.drain(1_000);
  const ended: string[] = [];
  guarded.forward(REQUEST, listening().sink);
  void guarded.drain(10_000).then(() => ended.push('calls'));
  await advance(5_000);
  expect(ended).toEqual([]);
  sinks[0]?.result('{}', 'modern');
  await advance(0);
  expect(ended).toEqual(['calls']);
  guarded.forward(REQUEST, listening().sink);
  void guarded.drain(10_000).then(() => ended.push('time'));
  await advance(10_000);
  void guarded.drain(10_000).then(() => ended.push('close'));
  await guarded.close();
  await advance(0);
  expect(ended).toEqual(['calls', 'time', 'close']);
});

/** A late upstream whose secret the test sets. */
function late() {
  const made: ReturnType<typeof scripted>[] = [];
  const it = { secret: 'a' as string | undefined };
  const upstream: DrainableUpstream = createLateUpstream({
    connectorId: 'one',
    drainMs: 10_000,
    resolve: async () => {
      if (it.secret === undefined) throw new Error('${KEY} has no value');
      return connector('one', {
        kind: 'http',
        url: 'https://x.example/',
        headers: { a: it.secret },
      });
    },
    create: () => {
      const inner = scripted();
      made.push(inner);
      return createGuardedUpstream(inner.upstream);
    },
  });
  return { upstream, made, it };
}

const signal = new AbortController().signal;

test('a late upstream is made at the first use, once, and passes calls on', async () => {
  const { upstream, made } = late();
  expect([upstream.phase, upstream.info, upstream.inFlight, made.length]).toEqual([
    'config',
    undefined,
    0,
    0,
  ]);
  await upstream.drain(1_000);
  upstream.passEnded?.();
  const first = listening();
  const handle = upstream.forward(REQUEST, first.sink);
  handle.pause();
  const given = listening();
  upstream.forward(REQUEST, given.sink).cancel('gone');
  await advance(0);
  expect(made.length).toBe(1);
  expect(made[0]?.sinks.length).toBe(1);
  handle.pause();
  handle.resume();
  handle.cancel('gone');
  expect(made[0]?.state.log).toEqual(['pause', 'resume', 'cancel']);
  expect(await upstream.connect(signal)).toBe(INFO);
  expect(await upstream.request('tools/list', [], { signal, timeoutMs: 1 })).toBe('"tools/list"');
  upstream.forward(REQUEST, first.sink);
  expect([upstream.phase, upstream.info, upstream.inFlight, made.length]).toEqual([
    'ready',
    INFO,
    1,
    1,
  ]);
  upstream.passEnded?.();
  await upstream.close();
});

test('a changed value makes a new upstream at the next connect; calls on the old one end first', async () => {
  const { upstream, made, it } = late();
  await upstream.connect(signal);
  const { sink, heard } = listening();
  upstream.forward(REQUEST, sink);
  it.secret = 'b';
  await upstream.connect(signal);
  expect(made.length).toBe(2);
  expect(made[0]?.state.log).toEqual([]);
  made[0]?.sinks[0]?.result('{}', 'modern');
  await advance(0);
  expect([heard, made[0]?.state.log]).toEqual([['result'], ['close']]);
  await upstream.close();
  expect(made[1]?.state.log).toEqual(['close']);
});

test('a reference without a value is CONFIG_INVALID in phase config, and is tried again', async () => {
  const { upstream, it } = late();
  it.secret = undefined;
  await expect(upstream.connect(signal)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    phase: 'config',
    message: '${KEY} has no value',
  });
  const { sink, heard } = listening();
  upstream.forward(REQUEST, sink);
  await advance(0);
  expect(heard).toEqual(['CONFIG_INVALID -']);
  it.secret = 'a';
  expect(await upstream.connect(signal)).toBe(INFO);
  await upstream.close();
});

test('close() ends old and new upstreams, and what comes later fails with CLOSED', async () => {
  const { upstream, made, it } = late();
  await upstream.connect(signal);
  upstream.forward(REQUEST, listening().sink);
  it.secret = 'b';
  await upstream.connect(signal);
  await upstream.close();
  await advance(0);
  expect(made.map(({ state }) => state.log.includes('close'))).toEqual([true, true]);
  await expect(upstream.connect(signal)).rejects.toMatchObject({ code: 'CLOSED' });
});

const want = (...uris: readonly string[]): Interest => ({
  resources: new Set(uris),
  logLevel: undefined,
});

test('setInterest() resolves the references, and an upstream with new ones is told the same', async () => {
  const { upstream, made, it } = late();
  upstream.notify?.('nobody is connected');
  await upstream.setInterest(want());
  expect(made.length).toBe(0);
  await upstream.setInterest(want('a://1'));
  expect(made[0]?.interests.at(-1)).toEqual(want('a://1'));
  it.secret = 'b';
  await upstream.connect(signal);
  expect(made[1]?.interests).toEqual([want('a://1')]);
  upstream.notify?.('{"roots":"changed"}');
  expect(made[1]?.state.log).toEqual(['{"roots":"changed"}']);
  await upstream.close();
});

test('an interest that was refused is not asked of the next upstream', async () => {
  const { upstream, made, it } = late();
  await upstream.setInterest(want('a://1'));
  const [first] = made;
  if (first !== undefined) {
    first.upstream.setInterest = async () => await Promise.reject(new Error('refused'));
  }
  await expect(upstream.setInterest(want('a://1', 'a://2'))).rejects.toThrow('refused');
  it.secret = 'b';
  await upstream.connect(signal);
  expect(made[1]?.interests).toEqual([want('a://1')]);
  await upstream.close();
});
