import { hostname } from 'node:os';
import { expect, test } from 'vitest';
import { parseConnectorFeatureFlags, resolveFlags } from '../../src/config/flags.ts';
import { cohortPosition, inCohort } from '../../src/config/rollout.ts';
import { describeOrigin } from '../../src/config/setting.ts';

const NO_FILE = { path: '/x/cortex-mcp.json', flags: {} };
const names = Array.from({ length: 10_000 }, (_, index) => `host-${index}`);

test('cohortPosition() is the same for a name for ever', () => {
  expect(cohortPosition('host-1')).toBeCloseTo(28.9422, 3);
  expect(cohortPosition('host-2')).not.toBe(cohortPosition('host-1'));
});

test.each([0, 1, 10, 50, 100])(
  'a rollout of %i percent takes that share of the instances (S4-35)',
  (percent) => {
    const share = (100 * names.filter((name) => inCohort(name, percent)).length) / names.length;
    expect(Math.abs(share - percent)).toBeLessThan(1);
  },
);

test('raising the percentage only adds instances (S4-36, S4-37)', () => {
  const lost = names.filter((name) => inCohort(name, 10) && !inCohort(name, 50));
  expect(lost).toEqual([]);
});

test('outside the cohort MCP_CONNECTOR_REFRESH_SYNC is on, and says why', () => {
  const flags = resolveFlags(
    { MCP_ROLLOUT_PERCENT: '0', MCP_CONNECTOR_REFRESH_SYNC: 'false' },
    NO_FILE,
  );
  const { value, origin } = flags.MCP_CONNECTOR_REFRESH_SYNC;
  expect(value).toBe(true);
  expect(describeOrigin(origin)).toBe('rollout 0 %');
  expect(parseConnectorFeatureFlags({ MCP_ROLLOUT_PERCENT: '0' }).asyncRefresh).toBe(false);
});

test('outside the cohort a flag that was on already keeps its own origin', () => {
  const flags = resolveFlags(
    { MCP_ROLLOUT_PERCENT: '0', MCP_CONNECTOR_REFRESH_SYNC: 'true' },
    NO_FILE,
  );
  expect(describeOrigin(flags.MCP_CONNECTOR_REFRESH_SYNC.origin)).toBe(
    'MCP_CONNECTOR_REFRESH_SYNC',
  );
});

test('inside the cohort the flags are what they were', () => {
  const flags = resolveFlags({ MCP_ROLLOUT_PERCENT: '100' }, NO_FILE);
  expect(flags.MCP_CONNECTOR_REFRESH_SYNC).toEqual({ value: false, origin: { kind: 'default' } });
});

test('MCP_INSTANCE_ID decides the cohort; without it the host name does', () => {
  const inside = names.find((name) => inCohort(name, 10)) ?? '';
  const outside = names.find((name) => !inCohort(name, 10)) ?? '';
  const sync = (id: string): boolean =>
    resolveFlags({ MCP_ROLLOUT_PERCENT: '10', MCP_INSTANCE_ID: id }, NO_FILE)
      .MCP_CONNECTOR_REFRESH_SYNC.value;
  expect([sync(inside), sync(outside)]).toEqual([false, true]);
  expect(resolveFlags({}, NO_FILE).MCP_INSTANCE_ID).toEqual({
    value: hostname(),
    origin: { kind: 'default' },
  });
});

test('the file may give the percentage, the environment wins', () => {
  const file = { path: '/x/cortex-mcp.json', flags: { MCP_ROLLOUT_PERCENT: 0 } };
  const { MCP_ROLLOUT_PERCENT: percent } = resolveFlags({}, file);
  expect(percent).toEqual({ value: 0, origin: { kind: 'file', path: file.path } });
  expect(resolveFlags({ MCP_ROLLOUT_PERCENT: '100' }, file).MCP_ROLLOUT_PERCENT.value).toBe(100);
});

test.each(['101', '-1', '1.5', 'half'])('MCP_ROLLOUT_PERCENT=%s is refused by name', (text) => {
  expect(() => resolveFlags({ MCP_ROLLOUT_PERCENT: text }, NO_FILE)).toThrow(
    /^MCP_ROLLOUT_PERCENT: .* is no percentage; write a whole number from 0 to 100/,
  );
});
