import { fileURLToPath } from 'node:url';
import pLimit from 'p-limit';
import { expect, test } from 'vitest';
import { failedOf, passedOf, runSuite } from './run-suite.ts';
import { SUITES, type SuiteName } from './suites.ts';

const COMMAND = [
  process.execPath,
  '--conditions=cortex-source',
  '--disable-warning=ExperimentalWarning',
  fileURLToPath(new URL('client-main.ts', import.meta.url)),
].join(' ');

/** Each scenario is two processes. */
const limit = pLimit(2);

/**
 * Kinds of checks in each scenario. Those of authorization are left out: the gateway has its own towards clients and
 * another towards servers.
 */
const SCENARIOS: Readonly<Record<SuiteName, Readonly<Record<string, number>>>> = {
  '2026-07-28': {
    'http-custom-headers': 5,
    'http-invalid-tool-headers': 5,
    'http-standard-headers': 1,
    'json-schema-2020-12-preservation': 9,
    'json-schema-ref-no-deref': 1,
    'request-metadata': 5,
    'sep-2322-client-request-state': 5,
    tools_call: 2,
  },
  '2025-11-25': {
    'elicitation-sep1034-client-defaults': 5,
    initialize: 1,
    'json-schema-2020-12-preservation': 9,
    'sse-retry': 3,
    tools_call: 2,
  },
  '0.1.16': {
    'elicitation-sep1034-client-defaults': 5,
    initialize: 1,
    'sse-retry': 3,
    tools_call: 1,
  },
};

/** Without the number of its occurrence. */
const kindOf = (check: string): string => check.replace(/#\d+$/u, '');

test.for(Object.keys(SCENARIOS) as SuiteName[])(
  'the gateway towards a server passes the client suite %s, authorization aside',
  { timeout: 90_000 },
  async (name) => {
    const suite = SUITES[name];
    const expected = SCENARIOS[name];
    const specVersion = name === '0.1.16' ? undefined : name;
    const results = await Promise.all(
      Object.keys(expected).map(async (scenario) =>
        limit(async () => {
          const only = { scenario, specVersion };
          const outcome = await runSuite(suite, { leg: 'client', target: COMMAND, only });
          const failed = failedOf(outcome);
          const kinds = new Set([...passedOf(outcome), ...failed].map(kindOf));
          return { scenario, checks: kinds.size, failed: failed.map(kindOf) };
        }),
      ),
    );
    expect(results.flatMap((result) => result.failed)).toStrictEqual([]);
    expect(
      Object.fromEntries(results.map(({ scenario, checks }) => [scenario, checks])),
    ).toStrictEqual(expected);
  },
);
