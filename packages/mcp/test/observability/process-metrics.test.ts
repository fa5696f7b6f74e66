import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { registerProcessMetrics } from '../../src/observability/process-metrics.ts';
import { parseExposition } from './exposition.ts';

test('registerProcessMetrics() reads the process: CPU since its start, memory, descriptors, version', async () => {
  const registry = new Registry();
  registerProcessMetrics(registry);
  const { user, system } = process.cpuUsage();
  const { value, samples } = parseExposition(await registry.metrics());
  expect(value('process_cpu_seconds_total')).toBeGreaterThanOrEqual((user + system) / 1e6);
  expect(value('process_cpu_user_seconds_total')).toBeGreaterThanOrEqual(user / 1e6);
  expect(value('process_cpu_system_seconds_total')).toBeGreaterThanOrEqual(system / 1e6);
  const startedAtS = Date.now() / 1000 - process.uptime();
  expect(Math.abs((value('process_start_time_seconds') ?? 0) - startedAtS)).toBeLessThan(2);
  expect(value('process_resident_memory_bytes')).toBeGreaterThan(10_000_000);
  expect(value('nodejs_heap_size_total_bytes')).toBeGreaterThan(1_000_000);
  expect(value('nodejs_heap_size_used_bytes')).toBeGreaterThan(1_000_000);
  expect(value('nodejs_external_memory_bytes')).toBeGreaterThan(1_000);
  expect(value('mcp_memory_array_buffers_bytes')).toBeLessThanOrEqual(
    value('nodejs_external_memory_bytes') ?? 0,
  );
  const old = { space: 'old' };
  expect(value('nodejs_heap_space_size_used_bytes', old)).toBeGreaterThan(1_000_000);
  expect(value('nodejs_heap_space_size_total_bytes', old)).toBeGreaterThanOrEqual(
    value('nodejs_heap_space_size_used_bytes', old) ?? Infinity,
  );
  expect(value('nodejs_version_info', { version: process.version })).toBe(1);
  expect(samples.some(({ name }) => name === 'nodejs_active_resources')).toBe(true);
});

test.runIf(process.platform === 'linux')('process_open_fds is below process_max_fds', async () => {
  const registry = new Registry();
  registerProcessMetrics(registry);
  const { value } = parseExposition(await registry.metrics());
  expect(value('process_open_fds')).toBeGreaterThan(2);
  expect(value('process_max_fds')).toBeGreaterThan(value('process_open_fds') ?? Infinity);
});

test('counters of the process do not add up over scrapes', async () => {
  const registry = new Registry();
  registerProcessMetrics(registry);
  for (let index = 0; index < 5; index += 1) await registry.metrics();
  const { value } = parseExposition(await registry.metrics());
  const { user, system } = process.cpuUsage();
  expect(value('process_cpu_seconds_total')).toBeLessThanOrEqual((user + system) / 1e6);
});

async function heapLimits(nodeOptions?: string): Promise<readonly (number | undefined)[]> {
  const registry = new Registry();
  registerProcessMetrics(registry, nodeOptions);
  const { value } = parseExposition(await registry.metrics());
  return [value('mcp_memory_heap_limit_bytes'), value('nodejs_heap_size_limit_bytes')];
}

test('mcp_memory_heap_limit_bytes is --max-old-space-size, the last of several, else the limit of the engine', async () => {
  const [own, engine = 0] = await heapLimits();
  expect(own).toBe(engine);
  const [given] = await heapLimits('--max-old-space-size=64 --max_old_space_size=96');
  expect(given).toBe(96 * 1_048_576);
  const [beyond] = await heapLimits('--max-old-space-size=99999999');
  expect(beyond).toBe(engine);
});
