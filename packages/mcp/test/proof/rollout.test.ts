import { expect, test } from 'vitest';
import { cohortPosition, ROLLOUT_STEPS } from '../../src/config/rollout.ts';
import { baselineAsCohort, judgeRollout } from '../../src/proof/rollout-gate.ts';
import { nextStep, previousStep, rolloutPlan } from '../../src/proof/rollout-plan.ts';
import {
  type CohortFigures,
  cohortFigures,
  rolloutInstance,
} from '../../src/proof/rollout-reading.ts';
import { histogramLines, reading, record } from './proof-records.ts';

const GOOD: CohortFigures = {
  instances: ['a'],
  calls: 1_000,
  restarted: [],
  syncs: 50,
  errorRatio: 0.001,
  p95Ms: 40,
  syncFailureRatio: 0,
  syncP95Ms: 90,
  hitRatio: 0.95,
  rssBytes: 150e6,
  memoryShare: 0.3,
  connectorsDown: 0,
};

const decide = (on: Partial<CohortFigures>, off?: Partial<CohortFigures>): string =>
  judgeRollout({
    on: { ...GOOD, ...on },
    off: off && { ...GOOD, ...off },
    minCalls: 100,
  }).decision;

test.each([
  ['all is well', {}, {}, 'advance'],
  ['there is nothing to compare with', {}, undefined, 'advance'],
  ['calls fail', { errorRatio: 0.06 }, {}, 'roll-back'],
  ['calls fail everywhere', { errorRatio: 0.06 }, { errorRatio: 0.07 }, 'hold'],
  ['p95 is above 250 ms', { p95Ms: 260 }, {}, 'roll-back'],
  ['p95 is worse than without', { p95Ms: 60 }, {}, 'hold'],
  ['syncs fail', { syncFailureRatio: 0.2 }, {}, 'roll-back'],
  ['memory runs out', { memoryShare: 0.95 }, {}, 'roll-back'],
  ['it takes more memory', { rssBytes: 250e6 }, {}, 'hold'],
  ['lists are no longer from memory', { hitRatio: 0.5 }, {}, 'roll-back'],
  ['a connector is down with it only', { connectorsDown: 1 }, {}, 'hold'],
  ['one call of few failed', { calls: 20, errorRatio: 0.06 }, {}, 'hold'],
  ['one sync of few failed', { syncs: 4, syncFailureRatio: 0.25 }, {}, 'hold'],
  ['an instance was restarted meanwhile', { restarted: ['a'] }, {}, 'hold'],
  ['too few calls were seen', { calls: 20 }, {}, 'hold'],
  ['syncs were not seen', { syncs: 0, syncFailureRatio: 'unknown' }, {}, 'hold'],
] as const)('judgeRollout() when %s (S4-35 to S4-37, R11)', (_what, on, off, expected) => {
  expect(decide(on, off)).toBe(expected);
});

test('judgeRollout() holds without an instance that has the change', () => {
  const { decision, reasons } = judgeRollout({ on: undefined, off: GOOD, minCalls: 0 });
  expect(decision).toBe('hold');
  expect(reasons[0]).toContain('no instance has the change on');
});

test('baselineAsCohort() stands in for instances without the change', () => {
  const base = baselineAsCohort(record({ 'calls.p95Ms': { value: 20 } }));
  expect(base).toMatchObject({ p95Ms: 20, errorRatio: 'unknown' });
  expect(judgeRollout({ on: GOOD, off: base, minCalls: 100 }).decision).toBe('hold');
});

const CALLS = 'mcp_tool_call_duration_seconds';
const scrape = (ok: number, failed: number, rss: number): readonly string[] => [
  ...histogramLines(CALLS, 'connector="c",outcome="ok"', { '0.1': ok, '+Inf': ok }, ok * 0.05),
  ...histogramLines(CALLS, 'connector="c",outcome="failed"', { '0.1': 0, '+Inf': failed }, failed),
  `process_resident_memory_bytes ${rss}`,
  // Processes of connectors hold as much again.
  `mcp_memory_used_bytes ${Math.min(950, rss * 2)}`,
  'mcp_memory_limit_bytes 1000',
  'brainwav_mcp_connector_proxy_up{connector="c"} 0',
  'brainwav_mcp_connector_proxy_up{connector="d"} 1',
  'mcp_connector_state{connector="c",state="disabled"} 0',
  'mcp_manifest_cache_requests_total{result="hit"} 9',
  'mcp_manifest_cache_requests_total{result="miss"} 1',
];

test('cohortFigures() adds up what instances did between two readings, and takes the worst of their memory', () => {
  const settings = {
    MCP_INSTANCE_ID: 'a',
    MCP_ROLLOUT_PERCENT: 10,
    MCP_CONNECTOR_REFRESH_SYNC: false,
  };
  const one = rolloutInstance(
    'http://a',
    reading(scrape(100, 0, 500)),
    reading(scrape(190, 10, 600), { settings }),
  );
  expect(one).toMatchObject({ name: 'a', isOn: true, percent: 10 });
  // Started anew in between: all it has counted is of this time.
  const other = rolloutInstance(
    'http://b',
    reading(scrape(500, 500, 1), { startedAt: 'before' }),
    reading(scrape(100, 0, 900), { settings: { MCP_CONNECTOR_REFRESH_SYNC: true } }),
  );
  expect(other).toMatchObject({ name: 'http://b', isOn: false, percent: undefined });
  expect(cohortFigures([one, other])).toMatchObject({
    restarted: ['http://b'],
    calls: 200,
    errorRatio: 0.05,
    memoryShare: 0.95,
    rssBytes: 900,
    connectorsDown: 1,
    syncs: 0,
    syncFailureRatio: 'unknown',
    p95Ms: 100,
  });
  expect(cohortFigures([])).toBeUndefined();
});

test('rolloutPlan() has the steps of the sources, and says who joins when (S4-34 to S4-38)', () => {
  const ids = Array.from({ length: 50 }, (_, index) => `gw-${index}`);
  const plan = rolloutPlan(ROLLOUT_STEPS, ids);
  expect(plan.map(({ percent }) => percent)).toEqual([0, 1, 10, 50, 100]);
  expect(plan[2]?.instances).toEqual(ids.filter((id) => cohortPosition(id) < 10).toSorted());
  expect(plan.at(-1)?.instances).toHaveLength(50);
  expect(plan[1]?.command).toBe('MCP_ROLLOUT_PERCENT=1 pm2 reload cortex-mcp --update-env');
  expect([nextStep(10, ROLLOUT_STEPS), nextStep(100, ROLLOUT_STEPS)]).toEqual([50, undefined]);
  expect([previousStep(10, ROLLOUT_STEPS), previousStep(1, ROLLOUT_STEPS)]).toEqual([1, 0]);
});
