import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import {
  registerRegistryMetrics,
  type RegistryFacts,
} from '../../src/observability/registry-instruments.ts';

test('registerRegistryMetrics() declares mcp_registry_… and reads them when scraped', async () => {
  const registry = new Registry();
  let facts: RegistryFacts | undefined;
  const instruments = registerRegistryMetrics(registry, () => facts);
  expect(registry.getMetricsAsArray().map(({ name }) => name)).toEqual([
    'mcp_registry_records',
    'mcp_registry_unflushed_seconds',
    'mcp_registry_access',
    'mcp_registry_flush_duration_seconds',
    'mcp_registry_flush_failures_total',
  ]);
  expect(await registry.metrics()).toContain('mcp_registry_access{access="writer"} 0');
  facts = { records: 7, access: 'reader', unflushedMs: 1_500 };
  instruments.flushEnded(true, 4);
  instruments.flushEnded(false, 9);
  const text = await registry.metrics();
  expect(text).toContain('mcp_registry_records 7');
  expect(text).toContain('mcp_registry_unflushed_seconds 1.5');
  expect(text).toContain('mcp_registry_access{access="reader"} 1');
  expect(text).toContain('mcp_registry_access{access="writer"} 0');
  expect(text).toContain('mcp_registry_flush_duration_seconds_count 1');
  expect(text).toContain('mcp_registry_flush_failures_total 1');
});
