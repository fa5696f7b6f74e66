import { chmod, mkdir } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { tempFolder } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { examine, type DoctorOptions, type Finding } from '../../src/proof/doctor.ts';
import { connector } from '../e2e/gateway-fixture.ts';
import { kernelFiles, reading, statLine } from './reading-fixture.ts';

const GIB = 1_073_741_824;
const CONFIG: DoctorOptions['config'] = {
  kind: 'loaded',
  path: '/c.json',
  warnings: [],
  connectors: [],
  followsMap: true,
  host: '127.0.0.1',
  port: 0,
  drainMs: 321_000,
};

async function look(
  options: Partial<DoctorOptions> & Pick<DoctorOptions, 'root' | 'stateFolder'>,
): Promise<ReadonlyMap<string, Finding>> {
  const findings = await examine({
    config: CONFIG,
    service: undefined,
    env: {},
    machineMemoryBytes: 8 * GIB,
    cores: 4,
    platform: 'linux',
    pid: 100,
    ...options,
  });
  return new Map(findings.map((finding) => [finding.id, finding]));
}

const severities = (found: ReadonlyMap<string, Finding>, ids: readonly string[]): string[] =>
  ids.map((id) => `${id} ${found.get(id)?.severity ?? 'missing'}`);

test('examine() names what is wrong with a machine, and what to do (S1-21 to S1-24, C4 rows 15 and 16)', async () => {
  await using folder = tempFolder();
  const state = join(folder.path, 'state');
  await mkdir(state, { mode: 0o755 });
  await chmod(state, 0o755);
  const group = 'sys/fs/cgroup/app';
  await kernelFiles(folder.path, {
    'proc/100/cmdline': 'node\0--max-old-space-size=28672\0--expose-gc\0main.js\0--inspect\0',
    'proc/100/environ':
      'NODE_OPTIONS=--max-semi-space-size=512\0LD_PRELOAD=/none/libjemalloc.so.2\0pm2_env={"kill_timeout":1600}\0PATH=/nowhere\0',
    'proc/100/maps': '7f00 r-xp /lib/x86_64-linux-gnu/libc.so.6\n',
    'proc/100/limits':
      'Max processes             20                  20                  processes\nMax open files            256                 4096                 files\n',
    'proc/100/cgroup': '0::/app\n',
    'proc/100/stat': statLine(100, 1, 100, 500_000),
    'proc/100/fd/2': '->/dev/null',
    'proc/stat': 'btime 1767225600\n',
    'sys/kernel/mm/transparent_hugepage/enabled': '[always] madvise never\n',
    [`${group}/cgroup.controllers`]: 'memory\n',
    [`${group}/memory.max`]: '1073741824\n',
    [`${group}/memory.high`]: 'max\n',
    [`${group}/memory.current`]: '1063741824\n',
    [`${group}/memory.events`]: 'high 0\nmax 9\noom_kill 2\n',
    [`${group}/cpu.max`]: '50000 100000\n',
    [`${group}/memory.pressure`]:
      'some avg10=9.00 avg60=9.00 avg300=0.00 total=1\nfull avg10=0.00 avg60=0.50 avg300=0.00 total=1\n',
  });
  const service = reading({
    atMs: 0,
    node: 'v20.11.0',
    metrics: ['process_open_fds 250', 'process_start_time_seconds 1767225000'],
  });
  const stdio = connector('tool', {
    kind: 'stdio',
    command: 'no-such-tool',
    args: [],
    env: {},
    cwd: undefined,
  });
  const config = { ...CONFIG, connectors: [stdio], warnings: ['unknown key "x"'] };
  const env = { HTTPS_PROXY: 'http://proxy:1', TZ: 'Nowhere/None' };
  const root = folder.path;
  const found = await look({ root, stateFolder: state, service, config, env });
  expect(
    severities(found, [
      'node-version',
      'node-flags',
      'config',
      'commands',
      'state-folder',
      'open-files',
      'processes',
      'stop-time',
      'log',
      'allocator',
      'huge-pages',
      'old-space',
      'semi-space',
      'group-memory',
      'oom-kills',
      'memory-pressure',
      'cpu-quota',
      'clock-step',
      'time-zone',
    ]),
  ).toEqual([
    'node-version fail',
    'node-flags warn',
    'config warn',
    'commands fail',
    'state-folder warn',
    'open-files fail',
    'processes warn',
    'stop-time warn',
    'log warn',
    'allocator warn',
    'huge-pages warn',
    'old-space fail',
    'semi-space warn',
    'group-memory warn',
    'oom-kills fail',
    'memory-pressure warn',
    'cpu-quota warn',
    'clock-step warn',
    'time-zone warn',
  ]);
  expect(found.get('old-space')?.fix).toContain('MCP_HEAP_MB=716 pm2 start');
  expect(found.get('node-flags')?.finding).toContain('--expose-gc');
  // What follows the program is its own.
  expect(found.get('node-flags')?.finding).not.toContain('--inspect');
  expect(found.get('commands')?.finding).toBe('not found: tool: no-such-tool');
  for (const { severity, why, fix } of found.values()) {
    expect(why).not.toBe('');
    expect(fix === '').toBe(severity === 'ok' || severity === 'unknown');
  }
});

test('examine() finds nothing wrong with a machine that is well', async () => {
  await using folder = tempFolder();
  await kernelFiles(folder.path, {
    'proc/100/cmdline': 'node\0--max-semi-space-size=32\0main.js\0',
    'proc/100/environ': 'INVOCATION_ID=1\0LD_PRELOAD=/lib/libjemalloc.so.2\0',
    'proc/100/maps': '7f00 r-xp /lib/libjemalloc.so.2\n',
    'proc/100/limits':
      'Max processes             96000                96000                processes\nMax open files            65536                65536                files\n',
    'proc/100/fd/2': '->socket:[1]',
    'sys/kernel/mm/transparent_hugepage/enabled': 'always [madvise] never\n',
    'proc/pressure/memory': 'some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n',
  });
  await chmod(folder.path, 0o700);
  const metrics = ['process_open_fds 30', `nodejs_heap_size_limit_bytes ${2 * GIB}`];
  const service = reading({ atMs: 0, metrics });
  const found = await look({ root: folder.path, stateFolder: folder.path, service });
  const bad = [...found.values()].filter(({ severity }) => !['ok', 'unknown'].includes(severity));
  expect(bad).toEqual([]);
  expect(found.get('allocator')?.finding).toContain('jemalloc');
  expect(found.get('stop-time')?.finding).toContain('systemd');
});

test('examine() says unknown, never fail, where the system tells nothing', async () => {
  await using folder = tempFolder();
  const found = await look({
    root: join(folder.path, 'empty'),
    stateFolder: join(folder.path, 'not-there'),
    platform: 'darwin',
    config: { kind: 'broken', message: 'cortex-mcp.json:1:2: not JSON' },
  });
  expect(severities(found, ['config', 'state-folder', 'port'])).toEqual([
    'config fail',
    'state-folder info',
    'port unknown',
  ]);
  const kernel = ['huge-pages', 'open-files', 'allocator', 'group-memory', 'clock', 'disk', 'log'];
  expect(severities(found, kernel)).toEqual(kernel.map((id) => `${id} unknown`));
});

function http(id: string, url: string): ReturnType<typeof connector> {
  return connector(id, { kind: 'http', url, headers: {} });
}

test('examine() compares the clock with that of servers, finds a taken port and a name without address', async () => {
  await using folder = tempFolder();
  const server = createServer((_request, response) => {
    response.setHeader('date', new Date(Date.now() - 600_000).toUTCString()).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const config = {
    ...CONFIG,
    port,
    connectors: [
      http('old', `http://127.0.0.1:${port}/mcp`),
      http('lost', 'http://no-such-host.invalid/mcp'),
    ],
  };
  const found = await look({ root: folder.path, stateFolder: folder.path, config });
  expect(severities(found, ['clock', 'port', 'dns'])).toEqual([
    'clock fail',
    'port fail',
    'dns warn',
  ]);
  expect(found.get('clock')?.finding).toMatch(/^(599|600)\.\d s ahead of 1 servers$/);
  expect(found.get('dns')?.finding).toContain('no-such-host.invalid');
  server.close();
  await once(server, 'close');
});

test('examine() goes on when a check breaks', async () => {
  await using folder = tempFolder();
  const more = [async (): Promise<never> => await Promise.reject(new Error('bang'))];
  const found = await look({ root: folder.path, stateFolder: folder.path, more });
  expect(found.get('more')).toMatchObject({ severity: 'unknown' });
  expect(found.get('more')?.finding).toContain('bang');
  expect(found.size).toBeGreaterThan(20);
});
