import { expect, test } from 'vitest';
import { parseConnectorFeatureFlags, readBooleanVariable } from '../../src/config/flags.ts';
import { definedVariables, processEnvironment } from '../../src/config/environment.ts';

test.each([
  ...['true', '1', 'yes', 'on', 'TRUE', ' On '].map((text) => [text, true] as const),
  ...['false', '0', 'no', 'off', 'Off'].map((text) => [text, false] as const),
  ['', undefined] as const,
])('readBooleanVariable() reads %j as %j (B7.10)', (text, value) => {
  expect(readBooleanVariable({ X: text }, 'X')).toBe(value);
});

test('readBooleanVariable() refuses anything else and names the variable', () => {
  expect(() => readBooleanVariable({ MCP_LIST_PREBUILT: 'ja' }, 'MCP_LIST_PREBUILT')).toThrow(
    /^MCP_LIST_PREBUILT: "ja" is neither true nor false; write true/,
  );
});

test.each([
  [{}, { asyncRefresh: true, refreshIntervalMs: 300_000 }],
  [{ MCP_CONNECTOR_REFRESH_SYNC: '1' }, { asyncRefresh: false, refreshIntervalMs: 300_000 }],
  [{ MCP_CONNECTOR_REFRESH_SYNC: 'no' }, { asyncRefresh: true, refreshIntervalMs: 300_000 }],
  [{ MCP_CONNECTOR_REFRESH_INTERVAL_MS: '5000' }, { asyncRefresh: true, refreshIntervalMs: 5000 }],
  [
    { MCP_CONNECTOR_REFRESH_INTERVAL_MS: 'abc' },
    { asyncRefresh: true, refreshIntervalMs: 300_000 },
  ],
  [{ MCP_CONNECTOR_REFRESH_INTERVAL_MS: '0' }, { asyncRefresh: true, refreshIntervalMs: 300_000 }],
  [{ MCP_CONNECTOR_REFRESH_INTERVAL_MS: '1' }, { asyncRefresh: true, refreshIntervalMs: 1000 }],
  [
    { MCP_CONNECTOR_REFRESH_INTERVAL_MS: '1e99' },
    { asyncRefresh: true, refreshIntervalMs: 86_400_000 },
  ],
])('parseConnectorFeatureFlags(%j) is %j (B1, B7.10, S4-19)', (env, flags) => {
  expect(parseConnectorFeatureFlags(env)).toEqual(flags);
});

test('parseConnectorFeatureFlags() reads the process environment by default', () => {
  expect(parseConnectorFeatureFlags()).toEqual(parseConnectorFeatureFlags(processEnvironment()));
});

test('definedVariables() leaves out what has no value', () => {
  expect(definedVariables({ A: '1', B: undefined })).toEqual({ A: '1' });
});
