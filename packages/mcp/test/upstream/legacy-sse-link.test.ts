import { waitUntil } from '@cortex-os/testkit';
import { afterAll, expect, test } from 'vitest';
import { createSharedAgents } from '../../src/upstream/streamable-http/agent.ts';
import { SseLink, type SseLinkOptions } from '../../src/upstream/http-sse/legacy-sse-link.ts';
import {
  createSseWires,
  openSseSession,
  type SseSessionOptions,
} from '../../src/upstream/http-sse/legacy-sse-session.ts';
import { WaitingForward } from '../../src/upstream/http-sse/legacy-sse-waiting.ts';
import type { ForwardHandle } from '../../src/upstream/upstream.ts';
import { UpstreamError } from '../../src/upstream/upstream-error.ts';
import { CLIENT, SIGNAL, recorder } from './http-fixture.ts';
import { callOf, callerOf, sseDefinition } from './legacy-sse-fixture.ts';
import { startRaw, type RawSse } from './legacy-sse-raw.ts';

const agents = createSharedAgents();
afterAll(async () => await agents.close());

const GONE = new UpstreamError('STREAM_CUT', 'gone', { connectorId: 'old', phase: 'ready' });

function optionsFor(raw: RawSse, changes: Partial<SseLinkOptions> = {}): SseLinkOptions {
  return {
    ...createSseWires(sseDefinition(raw.url), agents, CLIENT),
    notification: () => undefined,
    unattributed: () => undefined,
    ignored: () => undefined,
    ready: () => undefined,
    down: () => undefined,
    ...changes,
  };
}

/** A link whose server has named its endpoint. */
async function openLink(raw: RawSse, changes: Partial<SseLinkOptions> = {}): Promise<SseLink> {
  const ready = Promise.withResolvers<void>();
  const link = new SseLink(optionsFor(raw, { ready: () => ready.resolve(), ...changes }));
  link.open();
  await ready.promise;
  return link;
}

test('what is sent before the stream is open fails as unsent, or is dropped', async () => {
  await using raw = await startRaw();
  const link = new SseLink(optionsFor(raw));
  link.setHeaders(['x', 'y']);
  link.notice('{}');
  await expect(link.noticed('{}')).rejects.toMatchObject({ code: 'CLOSED' });
  const sink = recorder();
  link.send(callOf('echo'), sink);
  expect(await sink.outcome).toMatchObject({
    kind: 'fail',
    error: { code: 'CLOSED', unsent: true },
  });
  link.end(GONE);
  link.end(GONE);
  await expect(link.noticed('{}')).rejects.toBe(GONE);
  expect(raw.posted).toEqual([]);
});

test('send() after the end fails with what ended it, as unsent', async () => {
  await using raw = await startRaw();
  const link = await openLink(raw);
  link.end(GONE);
  const sink = recorder();
  link.send(callOf('echo'), sink);
  expect(await sink.outcome).toMatchObject({
    kind: 'fail',
    error: { code: 'STREAM_CUT', unsent: true },
  });
});

test('a session that is lost fails a call that nobody takes over with SESSION_LOST', async () => {
  await using raw = await startRaw();
  raw.onMessage = (_message, response) => void response.writeHead(404).end();
  const link = await openLink(raw);
  const sink = recorder();
  link.send(callOf('echo'), sink);
  expect(await sink.outcome).toMatchObject({ kind: 'fail', error: { code: 'SESSION_LOST' } });
  link.end(GONE);
});

test('a refusal or an answer after the end of a call changes nothing', async () => {
  await using raw = await startRaw();
  const held = Promise.withResolvers<void>();
  let refused = 0;
  raw.onMessage = ({ id }, response) => {
    raw.say({ jsonrpc: '2.0', id, result: {} });
    void held.promise.then(() =>
      response.writeHead(500).end(() => {
        refused += 1;
      }),
    );
  };
  let ignored = 0;
  const link = await openLink(raw, {
    ignored: () => {
      ignored += 1;
    },
  });
  const sink = recorder();
  const handle = link.send(callOf('echo'), sink);
  expect(await sink.outcome).toMatchObject({ kind: 'result' });
  handle.cancel('too late');
  held.resolve();
  await waitUntil(() => refused === 1, { describe: 'the message is refused' });
  raw.say({ jsonrpc: '2.0', id: 0, result: {} });
  raw.say({ jsonrpc: '2.0', id: 'text', result: {} });
  raw.say({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 'a' } });
  await waitUntil(() => ignored === 3, { describe: 'all three are ignored' });
  expect([sink.endings, raw.posted.length]).toEqual([1, 1]);
  link.end(GONE);
});

test('an answer of a client that cannot leave fails its call, unless the call is over', async () => {
  await using raw = await startRaw();
  const link = await openLink(raw);
  const question = { method: 'sampling/createMessage', params: {} };
  const sink = recorder();
  const handle = link.send(callOf('ask', {}, { caller: callerOf('a') }), sink);
  await waitUntil(() => raw.posted.length === 1, { describe: 'the call is here' });
  raw.onMessage = (_message, response) => void response.writeHead(503).end();
  for (const id of ['q1', 'q2']) raw.say({ jsonrpc: '2.0', id, ...question });
  await waitUntil(() => sink.requests.length === 2, { describe: 'the client is asked twice' });
  for (const request of sink.requests) request.respond({ kind: 'result', text: '{}' });
  expect(await sink.outcome).toMatchObject({ kind: 'fail', error: { httpStatus: 503 } });
  await waitUntil(() => raw.posted.length >= 3, { describe: 'both answers were sent' });
  expect(sink.endings).toBe(1);
  handle.cancel('over');
  link.end(GONE);
});

function sessionOptions(raw: RawSse, signal: AbortSignal): SseSessionOptions {
  const greeting = { clientInfo: { name: 'a', version: '1' }, capabilities: {} };
  return {
    ...optionsFor(raw),
    greeting,
    timeoutMs: 5_000,
    signal,
    onHandshake: () => undefined,
  };
}

test('openSseSession() that was given up before opens nothing; its reason is the failure', async () => {
  await using raw = await startRaw();
  let streams = 0;
  raw.onStream = () => {
    streams += 1;
  };
  await expect(openSseSession(sessionOptions(raw, AbortSignal.abort(GONE)))).rejects.toBe(GONE);
  await expect(openSseSession(sessionOptions(raw, AbortSignal.abort('x')))).rejects.toMatchObject({
    code: 'CLOSED',
    phase: 'connect',
  });
  expect(streams).toBe(0);
});

test('openSseSession() fails with BAD_RESPONSE on a result that is no object of its kind', async () => {
  await using raw = await startRaw();
  for (const result of ['[]', '{"protocolVersion":7}', '{"protocolVersion":"2026-07-28"}']) {
    raw.onMessage = ({ id }, response) => {
      response.writeHead(202).end();
      raw.say(`{"jsonrpc":"2.0","id":${String(id)},"result":${result}}`);
    };
    await expect(openSseSession(sessionOptions(raw, SIGNAL))).rejects.toMatchObject({
      code: 'BAD_RESPONSE',
    });
  }
});

function newHandle(): ForwardHandle & { readonly said: string[] } {
  const said: string[] = [];
  return {
    said,
    cancel: (reason) => void said.push(`cancel ${reason}`),
    pause: () => void said.push('pause'),
    resume: () => void said.push('resume'),
  };
}

test('a waiting call that was paused is paused when it leaves, and controlled from then on', async () => {
  const call = new WaitingForward(recorder());
  const sent = newHandle();
  call.pause();
  await call.run(Promise.resolve(), () => sent);
  call.resume();
  call.pause();
  call.cancel('enough');
  expect(sent.said).toEqual(['pause', 'resume', 'pause', 'cancel enough']);
});

test('a waiting call that was cancelled neither leaves nor fails; a defect surfaces', async () => {
  const sink = recorder();
  const cancelled = new WaitingForward(sink);
  cancelled.cancel('never mind');
  await cancelled.run(Promise.resolve(), () => expect.unreachable('it must not leave'));
  await cancelled.run(Promise.reject(GONE), () => expect.unreachable('it must not leave'));
  expect(sink.endings).toBe(0);
  const call = new WaitingForward(sink);
  await call.run(Promise.reject(GONE), () => expect.unreachable('there is nothing to send on'));
  expect(await sink.outcome).toEqual({ kind: 'fail', error: GONE });
  const defect = new TypeError('a defect');
  await expect(call.run(Promise.reject(defect), () => newHandle())).rejects.toBe(defect);
});
