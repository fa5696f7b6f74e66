import { tempFolder } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import type { ConnectorMemory } from '../../src/connectors/connector.ts';
import { examine, type DoctorOptions, type Finding } from '../../src/proof/doctor.ts';
import { connector } from '../e2e/gateway-fixture.ts';
import { kernelFiles, reading } from './reading-fixture.ts';

const JEMALLOC = '7f00 r-xp /usr/lib/x86_64-linux-gnu/libjemalloc.so.2\n';
const FLAGS = 'NODE_OPTIONS=--import x --max-old-space-size=350 --max-semi-space-size=16\0A=1\0';
const ALL: ConnectorMemory = {
  heapMiB: 350,
  semiSpaceMiB: 16,
  allocatorPath: '/usr/lib/x86_64-linux-gnu/libjemalloc.so.2',
};

/** What is found of a connector `tool` with this memory, whose process 7 has these files. */
async function look(
  memory: ConnectorMemory | undefined,
  files: Readonly<Record<string, string>>,
  config?: DoctorOptions['config'],
): Promise<Finding | undefined> {
  await using folder = tempFolder();
  await kernelFiles(folder.path, { 'proc/uptime': '1 1', ...files });
  const transport = { kind: 'stdio', command: 'node', args: [], env: {}, cwd: undefined } as const;
  const loaded = {
    kind: 'loaded',
    path: '/c.json',
    warnings: [],
    connectors: [connector('tool', transport, { memory })],
    followsMap: false,
    host: '127.0.0.1',
    port: 0,
    drainMs: 1,
  } as const;
  const shown = { id: 'tool', state: 'fresh', phase: 'ready', transport: 'stdio', pids: [7] };
  const findings = await examine({
    config: config ?? loaded,
    service: reading({ atMs: 0, connectors: [shown] }),
    env: {},
    machineMemoryBytes: 2 ** 33,
    cores: 2,
    platform: 'linux',
    root: folder.path,
    stateFolder: folder.path,
  });
  return findings.find(({ id }) => id === 'server-memory');
}

test('server-memory is in force where flags and allocator reached the process (S1-03, S1-21, S1-29)', async () => {
  const files = { 'proc/7/maps': JEMALLOC, 'proc/7/environ': FLAGS };
  const found = await look(ALL, files);
  expect(found).toMatchObject({
    severity: 'ok',
    finding: 'in force in all that can be seen: tool',
    fix: '',
  });
});

test('server-memory names the connector, the process and what is missing in it', async () => {
  const files = { 'proc/7/maps': '7f00 r-xp /lib/libc.so.6\n', 'proc/7/environ': 'A=1\0' };
  const found = await look(ALL, files);
  expect(found?.severity).toBe('warn');
  expect(found?.finding).toBe('not in force: tool (pid 7): jemalloc, heap, semi-space');
  expect(found?.fix).toContain('take "memory" out of the entry');
});

test('server-memory is unknown where processes cannot be seen, and ok where nothing is asked for', async () => {
  expect(await look(ALL, {})).toMatchObject({ severity: 'unknown' });
  expect(await look(undefined, {})).toMatchObject({ severity: 'ok' });
  const broken = { kind: 'broken', message: 'x' } as const;
  expect(await look(ALL, {}, broken)).toMatchObject({ severity: 'ok' });
});
