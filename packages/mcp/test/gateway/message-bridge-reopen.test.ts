import { waitUntil } from '@cortex-os/testkit';
import type { Dispatcher } from 'undici';
import { expect, test } from 'vitest';
import { INITIALIZE, request } from '../e2e/stdio-fixture.ts';
import { json, open, openSession, startService, type Service } from './bridge-fixture.ts';

const forgotten = { id: null, error: { code: -32_600, message: 'Session not found' } };

/** From now on the service knows no session, and answers `initialize` like this. */
function forget(service: Service, status: number): void {
  service.answer = (_got, response) => json(response, forgotten, 404);
  service.onInitialize = (got, response) =>
    json(response, { id: got.message?.['id'], error: { code: -1, message: 'no' } }, status);
}

test.each([200, 500])(
  'a new session that is refused (%i) fails the request that needed it',
  async (status) => {
    const service = startService();
    await using rig = await openSession([service]);
    forget(service, status);
    rig.write(request(1, 'tools/call', { name: 'x' }));
    expect(await rig.answerTo(1)).toMatchObject({
      error: { message: expect.stringContaining('a new session was not opened') },
    });
    service.onInitialize = undefined;
    service.answer = (got, response) => json(response, { id: got.message?.['id'], result: {} });
    rig.write(request(2, 'tools/call', { name: 'x' }));
    expect(await rig.answerTo(2)).toHaveProperty('result');
  },
);

test('a session without an id, capabilities or stream works, and is kept', async () => {
  const service = startService();
  service.onInitialize = (got, response) =>
    json(response, { id: got.message?.['id'], result: { protocolVersion: '2024-11-05' } });
  await using rig = open([service]);
  rig.write(INITIALIZE, request(1, 'ping'));
  await rig.answerTo(1);
  expect(service.got.at(-1)?.headers).not.toHaveProperty('mcp-session-id');
  expect(service.got.at(-1)?.headers['mcp-protocol-version']).toBe('2024-11-05');
  rig.write(INITIALIZE);
  await waitUntil(() => service.methods().includes('DELETE'), { describe: 'the first is left' });
  expect(service.methods().filter((method) => method === 'initialize')).toHaveLength(2);
});

test('an initialize that is refused opens nothing', async () => {
  const service = startService();
  forget(service, 200);
  await using rig = open([service]);
  rig.write(INITIALIZE);
  expect(await rig.answerTo('init')).toMatchObject({ error: { message: 'no' } });
  service.answer = (_got, response) => response.writeHead(400).end();
  rig.write({ jsonrpc: '2.0', method: 'notifications/initialized' }, request(1, 'ping'));
  expect(await rig.answerTo(1)).toHaveProperty('error');
  expect(service.methods()).toEqual(['initialize', 'ping']);
});

test('a list that was cut off with its service is had from the next one', async () => {
  const [first, second] = [startService('a'), startService('b')];
  const failures = ['UND_ERR_SOCKET', 'ECONNREFUSED'];
  const dying = (options: Parameters<Dispatcher['request']>[0]) => {
    const code = first.methods().includes('initialize') ? failures.shift() : undefined;
    if (code !== undefined) throw Object.assign(new Error(code), { code });
    return first.target.dispatcher.request(options);
  };
  const dispatcher = { request: async (options) => await dying(options) } as Dispatcher;
  const target = { ...first.target, dispatcher };
  await using rig = open([], {
    locate: async (lost) => await Promise.resolve(lost === undefined ? target : second.target),
  });
  // Without a stream of its own the session is not missed before it is used.
  rig.write(INITIALIZE);
  await rig.answerTo('init');
  rig.write(request(1, 'tools/list'));
  expect(await rig.answerTo(1)).toHaveProperty('result');
  expect(failures).toEqual([]);
  expect(second.methods()).toContain('tools/list');
});
