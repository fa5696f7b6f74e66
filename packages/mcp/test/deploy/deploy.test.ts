import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Script } from 'node:vm';
import { tempFolder } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { resolveSettings } from '../../src/config/settings.ts';
import { at, parseYaml } from './simple-yaml.ts';

// What can be checked of deploy/ without systemd, a container runtime or a cluster.

const ROOT = new URL('../../../../', import.meta.url);
const run = promisify(execFile);
const read = async (path: string): Promise<string> => await readFile(new URL(path, ROOT), 'utf8');

const { settings } = resolveSettings({}, {}, { path: '/c.json', values: {} });
/** What a service may take to end by default, in seconds. */
const DRAIN_S = (settings.drainLameDuckMs.value + settings.drainMaxMs.value) / 1_000;

test('pm2 overlaps workers, waits for ready, and kills nothing before the drain is over (§6.1)', () => {
  const load = createRequire(import.meta.url);
  const { apps } = load(fileURLToPath(new URL('ecosystem.config.cjs', ROOT))) as {
    apps: readonly Record<string, unknown>[];
  };
  expect(apps).toHaveLength(1);
  expect(apps[0]).toMatchObject({
    name: 'cortex-mcp',
    exec_mode: 'cluster',
    instances: 1,
    wait_ready: true,
    listen_timeout: 30_000,
    treekill: false,
  });
  expect(Number(apps[0]?.['kill_timeout'])).toBeGreaterThan((DRAIN_S + 15) * 1_000);
});

test('the systemd unit is one that systemd understands, and leaves time for the drain', async (context) => {
  const path = fileURLToPath(new URL('deploy/systemd/cortex-mcp.service', ROOT));
  const unit = await readFile(path, 'utf8');
  const value = (key: string): string | undefined =>
    new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1];
  expect(value('Type')).toBe('notify');
  expect(value('NotifyAccess')).toBe('all');
  expect(value('KillSignal')).toBe('SIGTERM');
  expect(value('UMask')).toBe('0077');
  expect(Number(value('TimeoutStopSec'))).toBeGreaterThan(DRAIN_S + 15);
  // V8 needs memory that it may write and run.
  expect(value('MemoryDenyWriteExecute')).toBeUndefined();
  const verified = await run('systemd-analyze', ['verify', path]).catch((error: unknown) => error);
  const missing = verified instanceof Error && 'code' in verified && verified.code === 'ENOENT';
  context.skip(missing, 'systemd-analyze is not installed');
  expect(verified).toMatchObject({ stderr: '' });
});

test('the timers of monitor and baseline are units that systemd understands, of commands that exist (S1-31, S1-B3)', async (context) => {
  const commands = {
    monitor: 'monitor --since-last --json',
    baseline: 'baseline collect --label daily --seconds 60 --keep 30',
  };
  const names = Object.keys(commands).flatMap((name) => [`${name}.service`, `${name}.timer`]);
  for (const [name, command] of Object.entries(commands)) {
    const unit = await read(`deploy/systemd/cortex-mcp-${name}.service`);
    expect(unit).toContain(`ExecStart=/usr/bin/env cortex-mcp ${command}`);
    expect(unit).toMatch(/^Type=oneshot$/m);
  }
  await using runtime = tempFolder();
  const paths = names.map((name) =>
    fileURLToPath(new URL(`deploy/systemd/cortex-mcp-${name}`, ROOT)),
  );
  const env = { ...process.env, XDG_RUNTIME_DIR: runtime.path };
  const verified = await run('systemd-analyze', ['--user', 'verify', ...paths], { env }).catch(
    (error: unknown) => error,
  );
  const missing = verified instanceof Error && 'code' in verified && verified.code === 'ENOENT';
  context.skip(missing, 'systemd-analyze is not installed');
  expect(verified).toMatchObject({ stderr: '' });
});

test('the memory drop-in keeps heap and soft limit below the hard one, and the unit is still understood (S1-B1)', async (context) => {
  const dropIn = await read('deploy/systemd/cortex-mcp-memory.conf');
  const number = (pattern: RegExp): number => Number(pattern.exec(dropIn)?.[1]);
  const max = number(/^MemoryMax=(\d+)M$/m);
  expect(number(/^MemoryHigh=(\d+)M$/m)).toBe(max * 0.8);
  expect(number(/--max-old-space-size=(\d+)/)).toBe(max * 0.7);
  await using folder = tempFolder();
  const unit = join(folder.path, 'cortex-mcp.service');
  await mkdir(`${unit}.d`);
  await writeFile(unit, await read('deploy/systemd/cortex-mcp.service'));
  await writeFile(join(`${unit}.d`, 'memory.conf'), dropIn);
  const verified = await run('systemd-analyze', ['verify', unit]).catch((error: unknown) => error);
  const missing = verified instanceof Error && 'code' in verified && verified.code === 'ENOENT';
  context.skip(missing, 'systemd-analyze is not installed');
  expect(verified).toMatchObject({ stderr: '' });
});

test('ecosystem.config.cjs takes the memory tier from the environment, and has none without (S1-05)', async () => {
  const path = fileURLToPath(new URL('ecosystem.config.cjs', ROOT));
  const print = `console.log(JSON.stringify(require(${JSON.stringify(path)}).apps[0]))`;
  const app = async (env: Record<string, string>): Promise<Record<string, unknown>> => {
    const { stdout } = await run(process.execPath, ['-e', print], { env });
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  const plain = await app({});
  expect(plain['node_args']).toBeUndefined();
  expect(plain['max_memory_restart']).toBeUndefined();
  expect(
    await app({ MCP_SEMI_SPACE_MB: '32', MCP_HEAP_MB: '700', MCP_MAX_MEMORY: '1000M' }),
  ).toMatchObject({
    node_args: ['--max-semi-space-size=32', '--max-old-space-size=700'],
    max_memory_restart: '1000M',
  });
});

test('the Dockerfile starts the program in exec form below an init, as a user, with a health check', async () => {
  const text = await read('deploy/docker/Dockerfile');
  const entry = /^ENTRYPOINT (.*)$/m.exec(text)?.[1] ?? '';
  expect(JSON.parse(entry)).toEqual(['tini', '--', 'node', '/app/bin/cortex-mcp.js']);
  expect(JSON.parse(/^CMD (.*)$/m.exec(text)?.[1] ?? '')).toEqual(['serve']);
  expect(text).toMatch(/^STOPSIGNAL SIGTERM$/m);
  expect(text).toMatch(/^USER node$/m);
  const health = JSON.parse(/^ {2}CMD (.*)$/m.exec(text)?.[1] ?? '') as string[];
  expect(health.slice(0, 2)).toEqual(['node', '-e']);
  // Otherwise a syntax error would show when the container runs.
  expect(new Script(health[2] ?? '')).toBeInstanceOf(Script);
  expect(health[2]).toContain('/livez');
});

test('the compose file leaves time for the drain and refuses to start without a key', async () => {
  const [compose] = parseYaml(await read('deploy/docker/compose.yaml'));
  const service = at(compose, 'services.cortex-mcp');
  const { stop_grace_period: grace = '' } = Object(service) as Record<string, string>;
  expect(parseInt(grace, 10)).toBeGreaterThan(DRAIN_S + 15);
  expect(at(service, 'environment.MCP_API_KEY')).toMatch(/^\$\{MCP_API_KEY:\?/);
});

test('the Kubernetes manifests have one pod at a time, with probes, and leave time for the drain (§6.4)', async () => {
  const documents = parseYaml(await read('deploy/kubernetes/cortex-mcp.yaml'));
  expect(documents.map((document) => at(document, 'kind'))).toEqual([
    'ConfigMap',
    'PersistentVolumeClaim',
    'Deployment',
    'Service',
  ]);
  const data = Object(at(documents[0], 'data')) as Record<string, string>;
  expect(JSON.parse(data['cortex-mcp.json'] ?? '')).toEqual({ mcpServers: {} });
  const deployment = documents[2];
  expect(at(deployment, 'spec.replicas')).toBe('1');
  expect(at(deployment, 'spec.strategy.type')).toBe('Recreate');
  const pod = at(deployment, 'spec.template.spec');
  const container = at(pod, 'containers.0');
  const preStopS = Number(at(container, 'lifecycle.preStop.exec.command.1'));
  const graceS = Number(at(pod, 'terminationGracePeriodSeconds'));
  expect(graceS).toBeGreaterThan(preStopS + DRAIN_S + 15);
  const probes = ['startupProbe', 'livenessProbe', 'readinessProbe'];
  expect(probes.map((probe) => at(container, `${probe}.httpGet.path`))).toEqual([
    '/startupz',
    '/livez',
    '/readyz',
  ]);
  for (const probe of probes) {
    expect(at(container, `${probe}.httpGet.httpHeaders.0.value`)).toBe('localhost');
  }
});
