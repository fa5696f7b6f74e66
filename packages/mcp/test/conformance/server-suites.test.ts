import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startConformanceTargets, type ConformanceTargets } from './conformance-targets.ts';
import { compareOutcomes, failedOf, passedOf, runSuite, type SuiteOutcome } from './run-suite.ts';
import { SUITE_NAMES, SUITES, type SuiteName } from './suites.ts';

type Reasons = Readonly<Record<string, string>>;
interface KnownDifference {
  readonly missing: Reasons;
  readonly extra: Reasons;
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8'));
}

/** Fail on the fixture itself: it has no tasks. */
const EXPECTED_FAILURES = readJson('expected-failures.json') as Readonly<
  Record<SuiteName, readonly string[]>
>;
/** What passes on one side only when the gateway speaks the other era to the server, and why that is so. */
const KNOWN_ACROSS = readJson('known-differences.json') as Readonly<
  Record<SuiteName, KnownDifference>
>;

const RUN_TIMEOUT_MS = 90_000;
let targets: ConformanceTargets;

beforeAll(async () => {
  targets = await startConformanceTargets();
}, 30_000);

afterAll(async () => {
  await targets[Symbol.asyncDispose]();
});

describe.each(SUITE_NAMES)('conformance %s', (name) => {
  let direct: SuiteOutcome;

  beforeAll(async () => {
    direct = await runSuite(SUITES[name], { leg: 'server', target: targets.direct });
  }, RUN_TIMEOUT_MS);

  test('the fixture passes what a complete server passes, and fails what is written down', () => {
    expect(passedOf(direct).length).toBeGreaterThanOrEqual(SUITES[name].leastPassed);
    expect(failedOf(direct)).toStrictEqual(EXPECTED_FAILURES[name]);
  });

  test(
    'exactly the checks that pass directly pass through a gateway that speaks the suite’s revision to the server',
    { timeout: RUN_TIMEOUT_MS },
    async () => {
      const outcome = await runSuite(SUITES[name], { leg: 'server', target: targets.same(name) });
      expect(passedOf(outcome)).toStrictEqual(passedOf(direct));
      expect(failedOf(outcome)).toStrictEqual(failedOf(direct));
    },
  );

  test(
    'so they do through a gateway that speaks the other era to it, but for known differences',
    { timeout: RUN_TIMEOUT_MS },
    async () => {
      const outcome = await runSuite(SUITES[name], { leg: 'server', target: targets.across(name) });
      const { missing, extra } = KNOWN_ACROSS[name];
      expect(compareOutcomes(direct, outcome)).toStrictEqual({
        missing: Object.keys(missing).toSorted(),
        extra: Object.keys(extra).toSorted(),
      });
    },
  );
});
