import { expect, test } from 'vitest';
import { DEFAULT_CALL_SETTINGS } from '../../src/config/call-schema.ts';
import { DEFAULT_CALL_LIMITS } from '../../src/gateway/call/call-limits.ts';
import { DEFAULT_BULKHEAD } from '../../src/guards/bulkhead.ts';
import { configFolder } from './config-folder.ts';

test('bulkhead and trusted of an entry are those of its connector', async () => {
  await using folder = await configFolder();
  const bulkhead = { maxInFlight: 4, maxQueued: 0, queueTimeoutMs: 50 };
  await folder.write('cortex-mcp.json', {
    mcpServers: { a: { command: 'x', bulkhead, trusted: true }, b: { command: 'x' } },
  });
  const { connectors, warnings } = await folder.load();
  const seen = connectors.map((connector) => [connector.bulkhead, connector.trusted]);
  expect(seen).toEqual([
    [bulkhead, true],
    [undefined, undefined],
  ]);
  expect(warnings).toEqual([]);
});

test('they are checked, and unknown keys are named', async () => {
  await using folder = await configFolder();
  const write = async (entry: object): Promise<unknown> =>
    await folder.write('cortex-mcp.json', { mcpServers: { a: { command: 'x', ...entry } } });
  await write({ bulkhead: { maxInFlights: 1 } });
  expect((await folder.load()).warnings.join()).toContain('maxInFlight');
  await write({ bulkhead: { maxInFlight: 0 } });
  await expect(folder.load()).rejects.toThrow(/whole number from 1/);
  await write({ trusted: 'yes' });
  await expect(folder.load()).rejects.toThrow(/true or false/);
});

test('the bounds of calls are settings of the file; their defaults are those of the parts (contract.md, bulkhead)', async () => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', { maxInFlight: 5, maxCallsPerPrincipal: 7 });
  const { settings } = await folder.load();
  expect(settings.maxInFlight).toMatchObject({ value: 5, origin: { kind: 'file' } });
  expect(settings.maxCallsPerPrincipal).toMatchObject({ value: 7, origin: { kind: 'file' } });
  expect(settings.maxQueued).toMatchObject({ value: 64, origin: { kind: 'default' } });
  expect(DEFAULT_CALL_SETTINGS).toEqual({ ...DEFAULT_BULKHEAD, ...DEFAULT_CALL_LIMITS });
});
