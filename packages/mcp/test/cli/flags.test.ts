import { expect, test } from 'vitest';
import { FLAG_NAMES } from '../../src/config/config-schema.ts';
import { cliBench } from './fake-io.ts';

test('flags lists every flag with value, origin, default and what the other value means', async () => {
  await using bench = await cliBench({ env: { MCP_CONNECTOR_PARALLEL_SYNC: 'off' } });
  await bench.configure({}, { flags: { MCP_LIST_PREBUILT: false, MCP_ROLLOUT_PERCENT: 0 } });
  expect(await bench.run('flags')).toBe(0);
  const { text } = bench.stdout;
  for (const name of FLAG_NAMES) expect(text).toContain(name);
  expect(text).toMatch(
    /^MCP_CONNECTOR_PARALLEL_SYNC +false +MCP_CONNECTOR_PARALLEL_SYNC +true +false: one/m,
  );
  expect(text).toMatch(/^MCP_LIST_PREBUILT +false +\/.*cortex-mcp\.json +true +false: lists/m);
  expect(text).toMatch(
    /^MCP_CONNECTOR_REFRESH_SYNC +true +rollout 0 % +false +true: no background/m,
  );
  expect(text).toMatch(/^MCP_ROLLOUT_PERCENT +0 +\/.*cortex-mcp\.json +100 /m);
  expect(bench.stderr.text).not.toContain('unknown key');
});

test('flags and config show need no configuration: a gateway runs without one too', async () => {
  await using bench = await cliBench();
  expect(await bench.run('flags')).toBe(0);
  expect(bench.stdout.text).toMatch(/^MCP_LIST_PREBUILT +true +default /m);
  expect(await bench.run('config', 'show')).toBe(0);
  expect(bench.stdout.text).toMatch(/^File: \S+config\.json \(default, which is not there\)$/m);
  expect(await bench.run('flags', '--config', 'missing.json')).toBe(2);
});

test('flags --json prints the same as JSON', async () => {
  await using bench = await cliBench({ env: { MCP_INSTANCE_ID: 'canary-1' } });
  await bench.configure({});
  expect(await bench.run('flags', '--json')).toBe(0);
  const rows: unknown = JSON.parse(bench.stdout.text);
  expect(rows).toContainEqual({
    flag: 'MCP_CONNECTOR_MANIFEST_CACHE',
    value: true,
    origin: 'default',
    default: true,
    off: 'false: every list asks the servers',
  });
  expect(rows).toContainEqual(
    expect.objectContaining({
      flag: 'MCP_INSTANCE_ID',
      value: 'canary-1',
      origin: 'MCP_INSTANCE_ID',
    }),
  );
});
