import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Script } from 'node:vm';
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
