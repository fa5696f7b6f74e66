import { spawnSync } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { tempFolder } from '@cortex-os/testkit';
import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { createPinAlerts } from '../../src/pins/pin-alerts.ts';
import { withPinLock, writePinFile } from '../../src/pins/pin-file.ts';
import type { ConnectorPins, ToolPin } from '../../src/pins/pin-book.ts';
import { serverIdentity } from '../../src/pins/server-identity.ts';
import { connector } from '../e2e/gateway-fixture.ts';

function bench() {
  const log: object[] = [];
  const events: (readonly [string, object])[] = [];
  const alerts = createPinAlerts({
    logger: { warn: (about) => void log.push(about) },
    event: (...what) => void events.push(what),
  });
  return { alerts, log, events };
}

function pins(tools: Readonly<Record<string, ToolPin>>, seenServer?: string): ConnectorPins {
  return { server: 's', ...(seenServer && { seenServer }), tools: new Map(Object.entries(tools)) };
}

const kept = (hash: string) => ({ hash, at: 'now' });

test('alerts are said once of each change, and again of another one (S9)', () => {
  const { alerts, log, events } = bench();
  const changed = pins({ a: { approved: kept('1'), seen: kept('2') }, b: { seen: kept('1') } });
  alerts.look('c', changed);
  alerts.look('c', changed);
  expect(log).toMatchObject([
    { change: 'changed', tools: ['a'] },
    { change: 'new', tools: ['b'] },
  ]);
  alerts.look(
    'c',
    pins({ a: { approved: kept('1'), seen: kept('3') }, b: { approved: kept('1'), gone: 'x' } }),
  );
  expect(log.slice(2)).toMatchObject([{ change: 'changed' }, { change: 'removed', tools: ['b'] }]);
  expect(events).toHaveLength(4);
  expect(alerts.counts()).toEqual([
    { connector: 'c', change: 'changed', count: 2 },
    { connector: 'c', change: 'new', count: 1 },
    { connector: 'c', change: 'removed', count: 1 },
  ]);
  alerts.look('c', undefined);
  expect(alerts.status()).toEqual({ pending: [] });
  alerts.forget('c');
  expect([alerts.counts(), alerts.pending()]).toEqual([[], []]);
});

test('another server is said once; what is named and shown is bounded', () => {
  const { alerts, log } = bench();
  const many = Object.fromEntries(
    Array.from({ length: 70 }, (_, i) => [`t${i}`, { seen: kept('1') }]),
  );
  alerts.look('c', pins(many, 'elsewhere'));
  alerts.look('c', pins(many, 'elsewhere'));
  alerts.look('d', pins({}));
  expect(log).toMatchObject([{ change: 'server' }, { change: 'new', more: 60 }]);
  expect(alerts.status()).toMatchObject({ more: 20, otherServers: ['c'] });
  expect(alerts.pending()).toEqual([
    { connector: 'c', count: 70 },
    { connector: 'd', count: 0 },
  ]);
});

const at = (url: string, headers = {}): string =>
  serverIdentity(connector('c', { kind: 'http', url, headers }));
const run = (args: readonly string[], env = {}): string =>
  serverIdentity(connector('c', { kind: 'stdio', command: 'npx', args, env, cwd: undefined }));

test('serverIdentity() tells servers apart and does not know their credentials', () => {
  expect(at('https://a.example/mcp?key=1', { Authorization: 'x' })).toBe(
    at('https://a.example/mcp?key=2'),
  );
  expect(at('https://a.example/mcp')).toBe(
    serverIdentity(connector('c', { kind: 'sse', url: 'https://a.example/mcp', headers: {} })),
  );
  expect(at('https://b.example/mcp')).not.toBe(at('https://a.example/mcp'));
  expect(at('https://a.example/other')).not.toBe(at('https://a.example/mcp'));
  expect(at('no url')).not.toBe(at('nor this'));
  expect(run(['a'], { KEY: '1' })).toBe(run(['a'], { KEY: '2' }));
  expect(run(['a'])).not.toBe(run(['b']));
  expect(serverIdentity(connector('c', { kind: 'in-process', server: 'r' }))).not.toBe('');
  expect(serverIdentity(connector('c', undefined))).toBe('');
});

test('withPinLock() gives up on a lock that is held, by name; a write that fails leaves nothing behind', async () => {
  await using folder = tempFolder();
  const path = join(folder.path, 'pins.json');
  await writeFile(`${path}.lock`, '1');
  await expect(withPinLock(path, async () => await Promise.resolve())).rejects.toMatchObject({
    code: 'PINS_LOCKED',
  });
  await expect(writePinFile(join(folder.path, 'no', 'pins.json'), '')).rejects.toMatchObject({
    code: 'ENOENT',
  });
}, 10_000);

test('withPinLock() on a full disk throws its error and leaves neither a lock nor an open file (needs mount)', async ({
  skip,
}) => {
  await using folder = tempFolder();
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', folder.path]);
  skip(mounted.status !== 0, 'a small disk cannot be mounted here (needs root)');
  try {
    await writeFile(join(folder.path, 'filler'), Buffer.alloc(4_096));
    const path = join(folder.path, 'pins.json');
    let isUsed = false;
    const locked = withPinLock(path, async () => {
      isUsed = await Promise.resolve(true);
    });
    await expect(locked).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(isUsed).toBe(false);
    expect(readdirSync(folder.path)).toEqual(['filler']);
    const open = readdirSync('/proc/self/fd').map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return ''; // the one that read the folder
      }
    });
    expect(open.filter((file) => file.startsWith(path))).toEqual([]);
  } finally {
    spawnSync('umount', ['-l', folder.path]);
  }
});
