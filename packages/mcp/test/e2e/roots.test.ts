import { startConformanceServer, waitUntil, type ConformanceServer } from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSession, send } from '../gateway/raw-client.ts';
import { ASKABLE, connectAskable, textOf } from './asking-clients.ts';
import { startAskingServer, type AskingServer } from './asking-server.ts';
import { connector, startGateway, type TestGateway } from './gateway-fixture.ts';

let asking: AskingServer;
let modern: ConformanceServer;
let gateway: TestGateway;

beforeAll(async () => {
  asking = await startAskingServer();
  modern = await startConformanceServer({ eras: 'modern' });
  gateway = await startGateway([
    connector('asking', { kind: 'http', url: asking.url, headers: {} }),
    connector('own', { kind: 'http', url: asking.url, headers: {} }, { isolation: 'session' }),
    connector('modern', { kind: 'http', url: modern.url, headers: {} }),
  ]);
  await gateway.service.manager.sync();
}, 30_000);

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await modern.close();
  await asking[Symbol.asyncDispose]();
});

const roots = [{ uri: 'file:///home/ann', name: 'home' }];

test.each(ASKABLE)('%s: a server of either era gets this client’s roots (§4.9)', async (mode) => {
  await using client = await connectAskable(gateway.url(), mode, { roots: () => ({ roots }) });
  await using other = await connectAskable(gateway.url(), mode, { roots: () => ({ roots: [] }) });
  expect(JSON.parse(textOf(await client.call('asking__roots')))).toEqual({ roots });
  expect(textOf(await client.call('modern__test_roots'))).toBe('roots: file:///home/ann');
  expect(other.asked).toEqual([]);
  expect(JSON.parse(textOf(await other.call('asking__roots')))).toEqual({ roots: [] });
});

test('a server of one session alone hears that its client’s roots changed, a shared one does not', async () => {
  await using client = await connectAskable(gateway.url(), 'v1 legacy', {
    roots: () => ({ roots }),
  });
  await client.call('asking__roots');
  await client.rootsChanged();
  await client.call('own__roots');
  await client.rootsChanged();
  await waitUntil(() => asking.rootsChanged > 0, { describe: 'the server hears of it' });
  expect(asking.rootsChanged).toBe(1);
});

test('what was opened for a session alone ends with it (contract.md, isolation)', async () => {
  const before = asking.sessions;
  const session = await openSession(gateway.url(), '2025-11-25');
  await session.send('tools/call', { name: 'own__roots', arguments: {} });
  expect(asking.sessions).toBe(before + 1);
  await send(gateway.url(), { method: 'DELETE', headers: { 'mcp-session-id': session.id } });
  await waitUntil(() => asking.sessions === before, {
    describe: 'the session at the server is ended',
  });
});
