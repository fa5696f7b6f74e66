import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startUpstream, tempFolder, waitUntil } from '@cortex-os/testkit';
import { Secret } from '../../src/connectors/secret.ts';
import { modernBody, modernHeaders, send } from '../gateway/raw-client.ts';
import { connector, connectorFor } from './gateway-fixture.ts';
import {
  entryFor,
  hostOf,
  mapSettings,
  signedMap,
  startMapGateway,
  startMapServer,
  startRecorder,
} from './map-fixture.ts';

const CALL = '{"message":"hello"}';

test('B7.13 each connector is sent its own key and nobody else sees it; no inbound Authorization is passed on (S8)', async () => {
  await using server = await startUpstream({ kind: 'dual-http' });
  await using one = await startRecorder(server);
  await using two = await startRecorder(server);
  await using three = await startRecorder(server);
  const bearer = { auth: { type: 'bearer', credential: '${ONE_KEY}' } };
  const apiKey = { auth: { type: 'apiKey', headerName: 'X-API-Key', credential: '${TWO_KEY}' } };
  const entries = [
    entryFor(one, 'one', { ...bearer, headers: { 'x-team': 'a', 'x-late': 'v ${env:LATE}' } }),
    entryFor(two, 'two', apiKey),
    entryFor(three, 'three', { auth: { type: 'none' } }),
  ];
  await using maps = await startMapServer(signedMap(entries));
  const source = {
    kind: 'url',
    url: new Secret(maps.url),
    apiKey: new Secret('map-reader-key'),
  } as const;
  const allowHosts = [hostOf(one), hostOf(two), hostOf(three)];
  await using gateway = await startMapGateway(mapSettings(maps.url, { source, allowHosts }), {
    baseEnv: { ONE_KEY: 'key-of-one', TWO_KEY: 'key-of-two', LATE: 'late' },
  });
  await gateway.service.refreshMap();
  expect(gateway.serving()).toEqual(['one', 'three', 'two']);
  const call = async (name: string): Promise<string> => {
    const headers = { ...modernHeaders('tools/call', name), authorization: 'Bearer inbound' };
    const body = modernBody('tools/call', { name, arguments: { message: 'x' } });
    return (await send(`${gateway.origin}/mcp`, { headers, body })).text;
  };
  for (const id of ['one', 'two', 'three']) expect(await call(`${id}__echo`)).toContain('"x"');
  expect(maps.requests.every((headers) => headers.authorization === 'Bearer map-reader-key')).toBe(
    true,
  );
  expect(new Set(one.headers.map((headers) => headers.authorization))).toEqual(
    new Set(['Bearer key-of-one']),
  );
  expect(one.headers[0]).toMatchObject({ 'x-team': 'a', 'x-late': 'v late' });
  expect(new Set(two.headers.map((headers) => headers['x-api-key']))).toEqual(
    new Set(['key-of-two']),
  );
  const others = JSON.stringify([two.headers, three.headers]);
  expect(others).not.toMatch(/key-of-one|inbound|map-reader-key/);
  expect(JSON.stringify([one.headers, three.headers])).not.toMatch(/key-of-two|inbound|map-reader/);
  const shown = JSON.stringify(gateway.service.status());
  expect(shown).not.toMatch(/key-of-|map-reader-key/);
});

test('B7.13 the shared key goes only to connectors that the operator names, and no map can name it', async () => {
  await using server = await startUpstream({ kind: 'dual-http' });
  await using one = await startRecorder(server);
  await using two = await startRecorder(server);
  const auth = { auth: { type: 'bearer' } };
  const grab = { headers: { 'x-grab': '${CONNECTORS_API_KEY:-}' } };
  const entries = [
    entryFor(one, 'one', auth),
    entryFor(two, 'two', auth),
    entryFor(two, 'grab', grab),
  ];
  await using maps = await startMapServer(signedMap(entries));
  const allowHosts = [hostOf(one), hostOf(two)];
  const settings = mapSettings(maps.url, { allowHosts, sharedKeyFor: ['one'] });
  await using gateway = await startMapGateway(settings, {
    baseEnv: { CONNECTORS_API_KEY: 'the-shared-key' },
  });
  await gateway.service.refreshMap();
  expect(gateway.serving()).toEqual(['one']);
  expect(one.headers[0]?.authorization).toBe('Bearer the-shared-key');
  expect(two.headers).toEqual([]);
  expect(gateway.connector('two')?.failure).toMatchObject({
    phase: 'config',
    message: expect.stringContaining('no credential') as string,
  });
  expect(gateway.connector('grab')?.failure?.message).toContain('REFERENCE_NOT_ALLOWED');
});

test('a reference without a value makes its connector unavailable, phase config, until it has one; a rotated file is taken up by the next sync', async () => {
  await using server = await startUpstream({ kind: 'modern-http' });
  await using one = await startRecorder(server);
  await using folder = tempFolder();
  const file = join(folder.path, 'token');
  const transport = {
    kind: 'http',
    url: one.url,
    headers: {},
    lateHeaders: { 'x-key': `file:${file}` },
  } as const;
  await using gateway = await startMapGateway(undefined, { local: [connector('one', transport)] });
  await gateway.service.manager.sync(true);
  expect(gateway.connector('one')).toMatchObject({
    phase: 'config',
    failure: {
      phase: 'config',
      code: 'CONFIG_INVALID',
      message: `file:${file} cannot be read (ENOENT)`,
    },
  });
  await writeFile(file, 'first-key\n');
  await gateway.service.manager.sync(true);
  await gateway.service.settled();
  expect(gateway.serving()).toEqual(['one']);
  expect(one.headers.at(-1)?.['x-key']).toBe('first-key');
  await writeFile(file, 'second-key\n');
  await gateway.service.manager.sync(true);
  expect(await gateway.service.call('one__echo', CALL)).toContain('hello');
  expect(one.headers.at(-1)?.['x-key']).toBe('second-key');
  expect(JSON.stringify(gateway.service.status())).not.toMatch(/first-key|second-key/);
});

test('a process gets its secret from a file, in its own environment only', async () => {
  await using program = await startUpstream({ kind: 'modern-stdio' });
  await using folder = tempFolder();
  const file = join(folder.path, 'token');
  await writeFile(file, 'process-key');
  const definition = connectorFor(program, 'one');
  const { transport } = definition;
  if (transport?.kind !== 'stdio') throw new Error('unreachable');
  const late = { ...transport, lateEnv: { TOKEN: `file:${file}` } };
  await using gateway = await startMapGateway(undefined, {
    local: [connector('one', late), connectorFor(program, 'two')],
  });
  await gateway.service.manager.sync(true);
  await gateway.service.settled();
  expect(await gateway.service.call('one__env', '{"name":"TOKEN"}')).toContain('process-key');
  expect(await gateway.service.call('two__env', '{"name":"TOKEN"}')).not.toContain('process-key');
});

test('quotas of the map are enforced with QUOTA_EXCEEDED and retryAfterMs, and survive a change of the entry (B7.12)', async () => {
  await using server = await startUpstream({ kind: 'modern-http' });
  const entry = entryFor(server, 'one', { quotas: { perHour: 2 } });
  await using maps = await startMapServer(signedMap([entry]));
  await using gateway = await startMapGateway(
    mapSettings(maps.url, { allowHosts: [hostOf(server)] }),
  );
  await gateway.service.refreshMap();
  for (let count = 0; count < 2; count += 1) {
    expect(await gateway.service.call('one__echo', CALL)).toContain('hello');
  }
  const refused = await gateway.service.call('one__echo', CALL);
  expect(JSON.parse(refused)).toMatchObject({
    error: { data: { code: 'QUOTA_EXCEEDED', connector: 'one' } },
  });
  expect(refused).toMatch(/"retryAfterMs":3\d{6}\b/);
  maps.serve(signedMap([{ ...entry, description: 'changed' }]));
  await gateway.service.refreshMap();
  expect(await gateway.service.call('one__echo', CALL)).toContain('QUOTA_EXCEEDED');
  expect(server.counts.byMethod['tools/call']).toBe(2);
});

test('timeouts and TTL of the map are enforced for that connector (B7.12)', async () => {
  await using slow = await startUpstream({ kind: 'modern-http', ttlMs: 3_600_000 });
  const bounds = { timeouts: { requestMs: 1_000 }, ttlSeconds: 1 };
  await using maps = await startMapServer(
    signedMap([entryFor(slow, 'bound', bounds), entryFor(slow, 'free')]),
  );
  await using gateway = await startMapGateway(
    mapSettings(maps.url, { allowHosts: [hostOf(slow)] }),
    { settings: { backgroundRefresh: false } },
  );
  await gateway.service.refreshMap();
  const waiting = '{"ms":3000,"steps":1}';
  expect(await gateway.service.call('bound__slow', waiting)).toContain('TIMEOUT');
  // The call alone took longer than the TTL of the map; the server's own is an hour.
  expect(gateway.connector('bound')?.state).toBe('stale');
  expect(gateway.connector('free')?.state).toBe('fresh');
});

test('drain, then replace: a call in flight ends on the old server although its connector has gone', async () => {
  await using old = await startUpstream({ kind: 'modern-http' });
  await using next = await startUpstream({ kind: 'modern-http' });
  const allowHosts = [hostOf(old), hostOf(next)];
  await using maps = await startMapServer(signedMap([entryFor(old, 'one')]));
  await using gateway = await startMapGateway(mapSettings(maps.url, { allowHosts }));
  await gateway.service.refreshMap();
  const call = gateway.service.call('one__slow', '{"ms":600,"steps":1}');
  await waitUntil(() => old.counts.byMethod['tools/call'] === 1, { describe: 'the call is there' });
  maps.serve(signedMap([entryFor(next, 'one')]));
  await gateway.service.refreshMap();
  expect(await gateway.service.call('one__echo', CALL)).toContain('hello');
  expect(next.counts.byMethod['tools/call']).toBe(1);
  maps.serve(signedMap([entryFor(next, 'other')]));
  await gateway.service.refreshMap();
  expect(gateway.serving()).toEqual(['other']);
  expect(await call).toContain('slept 600 ms');
  expect(old.counts.aborted).toBe(0);
});

test('close() does not wait for a drain', async () => {
  await using old = await startUpstream({ kind: 'modern-http' });
  await using maps = await startMapServer(signedMap([entryFor(old, 'one'), entryFor(old, 'two')]));
  const gateway = await startMapGateway(mapSettings(maps.url, { allowHosts: [hostOf(old)] }));
  await gateway.service.refreshMap();
  const call = gateway.service.call('one__slow', '{"ms":9000,"steps":1}');
  await waitUntil(() => old.counts.byMethod['tools/call'] === 1, { describe: 'the call is there' });
  maps.serve(signedMap([entryFor(old, 'two')]));
  await gateway.service.refreshMap();
  const startedAt = performance.now();
  await gateway.service.close();
  expect(performance.now() - startedAt).toBeLessThan(3_000);
  expect(await call).toContain('error');
});
