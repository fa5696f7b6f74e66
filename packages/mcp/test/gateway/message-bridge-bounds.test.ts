import { waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { BridgeQuestions } from '../../src/gateway/bridge/bridge-questions.ts';
import { watchSilence } from '../../src/gateway/bridge/bridge-silence.ts';
import { modern, request } from '../e2e/stdio-fixture.ts';
import { json, open, openSession, startService, type Service } from './bridge-fixture.ts';

function ask(service: Service, ...ids: readonly number[]): void {
  for (const id of ids) {
    const text = JSON.stringify({ jsonrpc: '2.0', id, method: 'roots/list' });
    service.streams[0]?.write(`data: ${text}\n\n`);
  }
}

const answersAt = (service: Service): unknown[] =>
  service.got
    .filter(({ message }) => message !== undefined && !('method' in message))
    .map(({ message }) => message?.['id']);

test('no answer to the service is lost behind a queue that is full, and requests are refused meanwhile', async () => {
  const service = startService();
  await using rig = await openSession([service]);
  ask(service, 1, 2);
  await waitUntil(() => rig.sent.length === 3, { describe: 'the questions are there' });
  const note = { jsonrpc: '2.0', method: 'notifications/roots/list_changed' };
  rig.write(...Array.from({ length: 1_000 }, () => note));
  rig.write({ jsonrpc: '2.0', id: 1, result: {} }, { jsonrpc: '2.0', id: 2, result: {} });
  rig.write(request(7, 'ping'), JSON.stringify([request(8, 'ping')]));
  const error = { data: { code: 'TOO_MANY_REQUESTS' } };
  expect(await rig.answerTo(7)).toMatchObject({ error });
  expect(rig.sent.find(({ id }) => id === null)).toMatchObject({ error });
  await waitUntil(() => answersAt(service).length === 2, { describe: 'both answers are there' });
  expect(new Set(answersAt(service))).toEqual(new Set([1, 2]));
});

test('an answer to nothing is not passed on', async () => {
  const service = startService();
  await using rig = await openSession([service]);
  ask(service, 1);
  await waitUntil(() => rig.sent.length === 2, { describe: 'the question is there' });
  rig.write({ jsonrpc: '2.0', id: 5, result: {} });
  rig.write({ jsonrpc: '2.0', id: 1, result: {} }, { jsonrpc: '2.0', id: 1, result: {} });
  rig.write(request(7, 'ping'));
  await rig.answerTo(7);
  await waitUntil(() => answersAt(service).length === 1, { describe: 'the answer is there' });
  expect(answersAt(service)).toEqual([1]);
});

test('a question too many is answered for the client', async () => {
  const service = startService();
  await using rig = await openSession([service]);
  ask(service, ...Array.from({ length: 1_001 }, (_, id) => id));
  await waitUntil(() => answersAt(service).length === 1, { describe: 'it is refused' });
  expect(answersAt(service)).toEqual([1_000]);
  expect(rig.sent.filter((one) => 'method' in one)).toHaveLength(1_000);
});

test('BridgeQuestions forgets what the service takes back, and all when the session is over', () => {
  const questions = new BridgeQuestions();
  questions.note('{"method":"roots/list","id":1,"jsonrpc":"2.0"}');
  questions.note('{"jsonrpc":"2.0","id":"2","method":"roots/list"}');
  questions.note('{"jsonrpc":"2.0","id":3,"method":"roots/list"}');
  const params = '"params":{"requestId":1}';
  questions.note(`{"jsonrpc":"2.0","method":"notifications/cancelled",${params}}`);
  questions.note('{"method":"roots/list","id":oops}');
  questions.note('{"jsonrpc":"2.0","id":4,"result":{"method":"x"}}');
  expect([1, '2', 4].map((id) => questions.take(id))).toEqual([false, true, false]);
  questions.clear();
  expect(questions.take(3)).toBe(false);
});

const unwatched = (): void => expect.unreachable('nothing is watched');

/** A target that is given up when it is silent. */
function impatient(service: Service, quickMs: number, callMs: number): Service {
  return { ...service, target: { ...service.target, silence: { quickMs, callMs } } };
}

test('a foreign service that never answers is given up, and told (--url has a deadline)', async () => {
  const service = startService();
  await using rig = await openSession([impatient(service, 100, 150)]);
  service.answer = () => undefined;
  rig.write(request(1, 'tools/list'), request(2, 'tools/call', { name: 'x' }));
  rig.write(modern(3, 'tools/call', { name: 'x' }));
  for (const id of [1, 2, 3]) {
    expect(await rig.answerTo(id)).toMatchObject({ error: { data: { code: 'TIMEOUT' } } });
  }
  await waitUntil(
    () => service.methods().filter((one) => one === 'notifications/cancelled').length === 2,
    { describe: 'the legacy calls are cancelled' },
  );
});

test('signs of life keep a request of a foreign service alive', async () => {
  const service = startService();
  const patience = impatient(service, 400, 400);
  await using rig = await openSession([patience]);
  const ended = Promise.withResolvers<void>();
  service.answer = (got, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    let signs = 0;
    const timer = setInterval(() => {
      signs += 1;
      if (signs < 8) response.write(': alive\n\n');
      else
        response.end(`data: {"jsonrpc":"2.0","id":${String(got.message?.['id'])},"result":{}}\n\n`);
    }, 100);
    response.once('close', () => {
      clearInterval(timer);
      ended.resolve();
    });
  };
  rig.write(request(1, 'tools/call', { name: 'x' }));
  expect(await rig.answerTo(1)).toHaveProperty('result');
  await ended.promise;
});

test('watchSilence() never ends a subscription, nor what a service of ours is asked', () => {
  for (const watch of [
    watchSilence('subscriptions/listen', { quickMs: 0, callMs: 0 }, unwatched),
    watchSilence('tools/call', undefined, unwatched),
  ]) {
    watch.heard();
    watch.stop();
    expect(watch.brokenAfterMs).toBeUndefined();
  }
});

test('a service of ours that is slow is waited for', async () => {
  const service = startService();
  await using rig = open([service]);
  service.answer = (got, response) => {
    setTimeout(() => json(response, { id: got.message?.['id'], result: {} }), 300);
  };
  rig.write(modern(1, 'tools/list'));
  expect(await rig.answerTo(1)).toHaveProperty('result');
});
