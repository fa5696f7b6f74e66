import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startUpstream, tempFolder, waitUntil } from '@cortex-os/testkit';
import { Secret } from '../../src/connectors/secret.ts';
import { hmacKey } from '../../src/connectors/map/signature-keys.ts';
import { signServiceMap } from '../../src/connectors/map/signature.ts';
import { connectorFor } from './gateway-fixture.ts';
import { listTools } from './map-list.ts';
import {
  entryFor,
  hostOf,
  MAP_KEY,
  mapSettings,
  signedMap,
  startMapGateway,
  startMapServer,
} from './map-fixture.ts';

const isoIn = (ms: number): string => new Date(Date.now() + ms).toISOString();

test('first start: the connectors of a signed map join the local ones, and /status shows the map without secrets', async () => {
  await using one = await startUpstream({ kind: 'modern-http' });
  await using two = await startUpstream({ kind: 'legacy-http-session' });
  await using maps = await startMapServer(signedMap([entryFor(one, 'one')]));
  const settings = mapSettings(`${maps.url}?token=secret`, {
    shown: maps.url,
    allowHosts: [hostOf(one)],
  });
  await using gateway = await startMapGateway(settings, { local: [connectorFor(two, 'two')] });
  await waitUntil(() => gateway.serving().length === 2, { describe: 'both are served' });
  expect(gateway.serving()).toEqual(['one', 'two']);
  expect(gateway.connector('one')).toMatchObject({ origin: 'remote', failure: undefined });
  const status = await gateway.map();
  expect(status).toMatchObject({
    source: maps.url,
    state: 'fresh',
    connectors: 1,
    signedBy: { alg: 'hmac-sha256' },
    failuresInARow: 0,
  });
  expect(status['ageMs']).toBeLessThan(60_000);
  expect(JSON.stringify(gateway.service.status())).not.toContain('secret');
});

test('a first list waits for the map, then for its connectors', async () => {
  await using one = await startUpstream({ kind: 'modern-http', latencyMs: 50 });
  await using maps = await startMapServer(signedMap([entryFor(one, 'one')]));
  await using gateway = await startMapGateway(
    mapSettings(maps.url, { allowHosts: [hostOf(one)] }),
    { settings: { firstListWaitMs: 5_000 } },
  );
  expect(await listTools(gateway.origin)).toContain('one__echo');
});

test('B7.4 a connector that leaves the map, or is disabled in it, takes its tools along; an added one brings its own', async () => {
  await using one = await startUpstream({ kind: 'modern-http' });
  await using two = await startUpstream({ kind: 'modern-http' });
  const allowHosts = [hostOf(one), hostOf(two)];
  await using maps = await startMapServer(signedMap([entryFor(one, 'one'), entryFor(two, 'two')]));
  await using gateway = await startMapGateway(mapSettings(maps.url, { allowHosts }));
  await gateway.service.refreshMap();
  expect(gateway.serving()).toEqual(['one', 'two']);
  maps.serve(signedMap([entryFor(two, 'two'), entryFor(one, 'three')]));
  await gateway.service.refreshMap();
  expect(gateway.serving()).toEqual(['three', 'two']);
  await expect(gateway.service.call('one__echo', '{"message":"x"}')).rejects.toThrow(
    'Unknown tool',
  );
  const metrics = await (await fetch(`${gateway.origin}/metrics`)).text();
  expect(metrics).toContain('connector="two"');
  expect(metrics).not.toContain('connector="one"');
  maps.serve(signedMap([entryFor(two, 'two', { enabled: false }), entryFor(one, 'three')]));
  await gateway.service.refreshMap();
  expect(gateway.serving()).toEqual(['three']);
  expect(gateway.connector('two')?.state).toBe('disabled');
});

test('B7.5 a changed endpoint of an id is followed: later calls reach the new server only', async () => {
  await using old = await startUpstream({ kind: 'modern-http' });
  await using next = await startUpstream({ kind: 'modern-http' });
  const allowHosts = [hostOf(old), hostOf(next)];
  await using maps = await startMapServer(signedMap([entryFor(old, 'one')]));
  await using gateway = await startMapGateway(mapSettings(maps.url, { allowHosts }));
  await gateway.service.refreshMap();
  maps.serve(signedMap([entryFor(next, 'one')]));
  await gateway.service.refreshMap();
  const before = old.counts.requests;
  expect(await gateway.service.call('one__echo', '{"message":"new"}')).toContain('"new"');
  expect(next.counts.byMethod['tools/call']).toBe(1);
  expect(old.counts.requests).toBe(before);
});

test('B7.11, B7.12 a map that is bad, replayed, future, oversize or slow is refused by name, and the last good one stays', async () => {
  await using one = await startUpstream({ kind: 'modern-http' });
  const entries = [entryFor(one, 'one')];
  const first = signedMap(entries);
  await using maps = await startMapServer(first);
  const settings = mapSettings(maps.url, {
    allowHosts: [hostOf(one)],
    maxBytes: 20_000,
    timeoutMs: 300,
  });
  await using gateway = await startMapGateway(settings);
  await gateway.service.refreshMap();
  maps.serve(signedMap(entries));
  await gateway.service.refreshMap();
  const stranger = signServiceMap(signedMap(entries), hmacKey('a stranger'));
  const good = JSON.stringify(signedMap(entries));
  const refusals = [
    ['MAP_BAD_SIGNATURE', { body: JSON.stringify(stranger) }],
    ['MAP_REPLAYED', { body: JSON.stringify(first) }],
    ['MAP_FUTURE', { body: JSON.stringify(signedMap(entries, { generatedAt: isoIn(3_600_000) })) }],
    ['MAP_NEVER_FRESH', { body: JSON.stringify(signedMap(entries, { ttlSeconds: 0 })) }],
    ['MAP_TOO_LARGE', { body: JSON.stringify(signedMap(entries, { pad: 'x'.repeat(30_000) })) }],
    ['MAP_TIMEOUT', { body: good, hang: true }],
    ['MAP_BAD_JSON', { body: '{"connectors":' }],
    ['MAP_HTTP_STATUS', { body: good, status: 503 }],
    ['MAP_REDIRECT', { body: good, status: 302 }],
  ] as const;
  for (const [code, answer] of refusals) {
    maps.answer = answer;
    await gateway.service.refreshMap();
    const status = await gateway.map();
    expect(status).toMatchObject({ state: 'fresh', lastError: { code } });
    expect(gateway.serving()).toEqual(['one']);
  }
  maps.serve(signedMap(entries));
  await gateway.service.refreshMap();
  expect(await gateway.map()).toMatchObject({ state: 'fresh', failuresInARow: 0 });
  expect((await gateway.map())['lastError']).toBeUndefined();
});

test('an outage of the map changes nothing, and a map that changed meanwhile is taken within one interval of its return', async () => {
  await using one = await startUpstream({ kind: 'modern-http' });
  await using two = await startUpstream({ kind: 'modern-http' });
  const allowHosts = [hostOf(one), hostOf(two)];
  // 1 s is raised to the least TTL of 5 s: the map is asked for again after 3.75 to 4.5 s.
  const short = { ttlSeconds: 1 };
  await using maps = await startMapServer(signedMap([entryFor(one, 'one')], short));
  await using gateway = await startMapGateway(mapSettings(maps.url, { allowHosts }));
  await gateway.service.refreshMap();
  await maps.stop();
  await gateway.service.refreshMap();
  expect(await gateway.map()).toMatchObject({ lastError: { code: 'MAP_UNREACHABLE' } });
  expect(gateway.serving()).toEqual(['one']);
  maps.serve(signedMap([entryFor(one, 'one'), entryFor(two, 'two')], short));
  await maps.resume();
  await waitUntil(() => gateway.serving().length === 2, { describe: 'the new map is in force' });
  expect(await gateway.map()).toMatchObject({ state: 'fresh', failuresInARow: 0 });
});

test('M8 a restart with the map server and the connectors down serves everything from disk', async () => {
  await using folder = tempFolder();
  const settings = { manifestFolder: join(folder.path, 'manifests') };
  const one = await startUpstream({ kind: 'modern-http', ttlMs: 60_000 });
  const maps = await startMapServer(signedMap([entryFor(one, 'one')]));
  const following = mapSettings(maps.url, { allowHosts: [hostOf(one)] });
  const more = { mapFolder: folder.path, settings };
  {
    await using gateway = await startMapGateway(following, more);
    await gateway.service.refreshMap();
    expect(gateway.serving()).toEqual(['one']);
  }
  expect((await stat(join(folder.path, 'map.json'))).mode & 0o777).toBe(0o600);
  await maps.stop();
  await one.close();
  await using gateway = await startMapGateway(following, more);
  expect(gateway.serving()).toEqual(['one']);
  await gateway.service.refreshMap();
  expect(await gateway.map()).toMatchObject({
    state: 'fresh',
    lastError: { code: 'MAP_UNREACHABLE' },
  });
  expect(gateway.serving()).toEqual(['one']);
});

test('a local connector wins over one of the map with its id, with a warning', async () => {
  await using local = await startUpstream({ kind: 'modern-http' });
  await using remote = await startUpstream({ kind: 'modern-http' });
  await using maps = await startMapServer(signedMap([entryFor(remote, 'one')]));
  await using gateway = await startMapGateway(
    mapSettings(maps.url, { allowHosts: [hostOf(remote)] }),
    { local: [connectorFor(local, 'one')] },
  );
  await gateway.service.refreshMap();
  await gateway.service.manager.sync(true);
  expect(remote.counts.requests).toBe(0);
  expect((await gateway.map())['warnings']).toEqual([
    'one of the map is not used: a local one has its id',
  ]);
  await gateway.service.apply([]);
  expect(gateway.connector('one')?.origin).toBe('remote');
});

test('B7.13 remote entries are held to trust: no command, no plain http, no private host, unless allowed by name', async () => {
  await using one = await startUpstream({ kind: 'modern-http' });
  await using program = await startUpstream({ kind: 'modern-stdio' });
  const { command, args } = program.command;
  const entries = [
    { id: 'command', command: 'sh', args: ['-c', 'touch /tmp/never'] },
    { id: 'allowed', command, args, ...(program.command.env && { env: program.command.env }) },
    entryFor(one, 'plain'),
    { id: 'broken', endpoint: 'ftp://nowhere' },
    { id: 'env', command, args, env: { LD_PRELOAD: '/tmp/x.so' } },
  ];
  await using maps = await startMapServer(signedMap(entries));
  await using gateway = await startMapGateway(
    mapSettings(maps.url, { allowCommands: [[command, ...args]] }),
  );
  await gateway.service.refreshMap();
  const failures = Object.fromEntries(
    gateway.service.manager
      .listConnectors()
      .map(({ id, failure }) => [id, failure && `${failure.phase}: ${failure.message}`]),
  );
  expect(failures['command']).toMatch(/^config: refused: COMMAND_NOT_ALLOWED: 'sh'/);
  expect(failures['plain']).toMatch(/^config: refused: ENDPOINT_NOT_HTTPS.*ENDPOINT_PRIVATE/);
  expect(failures['env']).toMatch(/ENVIRONMENT_NOT_ALLOWED/);
  expect(failures['broken']).toMatch(/^config: the entry of the map is not valid: endpoint/);
  expect(gateway.serving()).toEqual(['allowed']);
  expect(one.counts.requests).toBe(0);
});

test('one gateway serves a map that another follows', async () => {
  await using one = await startUpstream({ kind: 'modern-http' });
  await using folder = tempFolder();
  const path = join(folder.path, 'connectors.json');
  const file = { id: 'fleet', ttlSeconds: 300, connectors: [entryFor(one, 'one')] };
  await writeFile(path, JSON.stringify(file));
  await using producer = await startMapGateway(undefined, {
    publishedMap: { path, key: new Secret(MAP_KEY) },
  });
  const url = `${producer.origin}/v1/connectors/service-map`;
  await using gateway = await startMapGateway(mapSettings(url, { allowHosts: [hostOf(one)] }));
  await gateway.service.refreshMap();
  expect(gateway.serving()).toEqual(['one']);
  expect(producer.service.status()['map']).toBeUndefined();
});

test('a map within the configuration is followed like one of a file: local, with commands, no signature needed', async () => {
  await using web = await startUpstream({ kind: 'modern-http' });
  await using child = await startUpstream({ kind: 'legacy-stdio' });
  const { command, args, env } = child.command;
  const map = {
    id: 'inline',
    generatedAt: isoIn(0),
    ttlSeconds: 60,
    connectors: [entryFor(web, 'web'), { id: 'child', displayName: 'child', command, args, env }],
  };
  const source = { kind: 'inline', map } as const;
  const settings = mapSettings('', { source, shown: 'inline', keys: new Secret([]) });
  await using gateway = await startMapGateway(settings);
  await waitUntil(() => gateway.serving().length === 2, { describe: 'both are served' });
  expect(gateway.connector('child')).toMatchObject({ origin: 'local', failure: undefined });
  expect(await gateway.map()).toMatchObject({ source: 'inline', state: 'fresh', connectors: 2 });
});
