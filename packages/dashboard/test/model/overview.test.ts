import { expect, test } from 'vitest';
import { withBeat } from '../../src/model/beat.ts';
import { readOverview, type Overview } from '../../src/model/overview.ts';
import { fixtureOverview } from '../fixture/fixture-overview.ts';

const STARTED = 1_700_000_000_000;

function overview(now = STARTED + 60_000): Overview {
  const facts = { startedAt: STARTED, now, more: 0, isDown: false };
  const read = readOverview(fixtureOverview(facts));
  if (read === undefined) throw new Error('The fixture is no overview.');
  return read;
}

test('readOverview() reads what the gateway sends', () => {
  const { service, process, connectors, flags, rollout, map } = overview();
  expect(service).toMatchObject({ name: 'cortex-mcp', startedAt: STARTED, uptimeMs: 60_000 });
  expect(process.sessions).toBe(14);
  expect(connectors.map((one) => one.id)).toContain('files');
  expect(connectors.find((one) => one.id === 'calendar')?.error).toMatchObject({
    code: 'ECONNREFUSED',
    remedy: 'Start the server, or correct the URL.',
  });
  expect(flags[0]).toMatchObject({ name: 'MCP_CONNECTOR_REFRESH_SYNC', standard: 'false' });
  expect(rollout).toEqual({
    percent: 50,
    instanceId: 'host-1',
    inCohort: true,
    steps: [1, 10, 50, 100],
  });
  expect(map).toMatchObject({ generation: 12 });
});

test('readOverview() reads what a starting connector waits for', () => {
  const read = readOverview({
    service: {},
    connectors: [
      { id: 'a', state: 'starting', waiting: { phase: 'handshake', since: STARTED } },
      { id: 'b', waiting: null },
      { id: 'c', waiting: { phase: 'list', since: 'now' } },
    ],
  });
  expect(read?.connectors.map(({ waiting }) => waiting)).toEqual([
    { phase: 'handshake', since: STARTED },
    undefined,
    undefined,
  ]);
});

test('readOverview() of something else is undefined', () => {
  for (const value of [undefined, null, 'text', [], {}, { service: 'x' }]) {
    expect(readOverview(value)).toBeUndefined();
  }
});

test('readOverview() fills in for what is missing or of the wrong kind', () => {
  const read = readOverview({
    service: {},
    connectors: [
      { id: 'a' },
      { id: 7 },
      'x',
      { id: 'b', latency: { p50Ms: 'x', calls: [null, 3] } },
    ],
    flags: [{ name: 'F', value: true, default: null }],
    rollout: 'no',
  });
  expect(read?.connectors.map((one) => one.id)).toEqual(['a', 'b']);
  expect(read?.connectors[0]).toMatchObject({
    state: 'unknown',
    breaker: 'closed',
    ageMs: undefined,
    counts: { tools: 0 },
    pulse: { callsPerSecond: 0, p50Ms: undefined },
  });
  expect(read?.connectors[1]?.latency.calls).toEqual([undefined, 3]);
  expect(read?.flags).toEqual([
    { name: 'F', value: 'true', standard: '', origin: '', owner: '', removal: '' },
  ]);
  expect(read?.rollout).toBeUndefined();
  expect(read?.map).toBeUndefined();
});

function pulse(p50Ms: readonly (number | null)[]): object | undefined {
  return readOverview({
    service: {},
    connectors: [
      { id: 'a', latency: { p50Ms, p95Ms: p50Ms, calls: [1, 0, 0], errors: [0, 0, 0] } },
    ],
  })?.connectors[0]?.pulse;
}

test('readOverview() has no latency of now for a connector that was called minutes ago', () => {
  expect(pulse([7, null, null])).toMatchObject({ p50Ms: undefined, p95Ms: undefined });
  expect(pulse([7, 8, null])).toMatchObject({ p50Ms: 8, p95Ms: 8 });
});

test('withBeat() moves the numbers of the connectors it names, and leaves the others the same objects', () => {
  const before = overview();
  const at = STARTED + 62_000;
  const after = withBeat(before, {
    at,
    connectors: {
      weather: {
        callsPerSecond: 4,
        p50Ms: 11,
        p95Ms: 20,
        inFlight: 2,
        ageMs: 5,
        nextRefreshInMs: 1000,
      },
    },
    process: { rssBytes: 5 },
  });
  const [weather, tracker] = after.connectors;
  expect(weather).toMatchObject({
    pulse: { callsPerSecond: 4, errorsPerSecond: 0, p50Ms: 11, p95Ms: 20 },
    inFlight: 2,
    ageMs: 5,
    nextRefreshAt: at + 1000,
    measuredAt: at,
  });
  // It is called no more, and says so.
  expect(tracker?.pulse.callsPerSecond).toBe(0);
  expect(withBeat(after, { at, connectors: {} }).connectors[1]).toBe(tracker);
  expect(after.process.rssBytes).toBe(5);
  expect(after.service.uptimeMs).toBe(62_000);
});

function beat(at: number): object {
  return { at, connectors: { weather: { callsPerSecond: 2, p50Ms: 7, p95Ms: 9 } } };
}

function series(one: Overview): readonly (number | undefined)[] {
  return one.connectors[0]?.latency.p50Ms ?? [];
}

test('withBeat() begins a new slice of the history when the time of the last is over', () => {
  const before = overview(STARTED);
  const same = withBeat(before, beat(STARTED + 1000));
  expect(series(same)).toEqual(series(before));
  const next = withBeat(same, beat(STARTED + 5000));
  expect(series(next)).toEqual([...series(before).slice(1), 7]);
  const later = withBeat(next, beat(STARTED + 20_000));
  expect(series(later)).toEqual([...series(before).slice(4), 7, undefined, undefined, 7]);
  expect(series(withBeat(later, beat(STARTED + 10_000_000)))).toHaveLength(60);
});

test('withBeat() lets the history of a connector go on when it is called no more', () => {
  const before = overview(STARTED);
  const quiet = { at: STARTED + 1000, connectors: {} };
  const soon = withBeat(before, quiet);
  expect(series(soon)).toEqual(series(before));
  expect(soon.connectors[0]?.pulse).toMatchObject({ callsPerSecond: 0, p50Ms: undefined });
  expect(withBeat(soon, quiet).connectors[0]).toBe(soon.connectors[0]);
  const later = withBeat(soon, { at: STARTED + 10_000, connectors: {} });
  expect(series(later)).toEqual([...series(before).slice(2), undefined, undefined]);
  const [was, is] = [before.connectors[0], later.connectors[0]];
  expect(is?.latency.calls.slice(-2)).toEqual([undefined, 0]);
  expect(is?.ageMs).toBe((was?.ageMs ?? 0) + 10_000);
  const gone = withBeat(later, { at: STARTED + 10_000_000, connectors: {} });
  expect(series(gone)).toEqual(Array.from({ length: 60 }, () => undefined));
});

test('withBeat() begins the history of a connector that was never called before', () => {
  const read = readOverview({ service: { startedAt: STARTED }, connectors: [{ id: 'weather' }] });
  if (read === undefined) throw new Error('It is no overview.');
  const after = series(withBeat(read, beat(STARTED + 1)));
  expect([after.length, after.at(-1), after.at(-2)]).toEqual([60, 7, undefined]);
  const idle = { at: STARTED, connectors: { weather: { callsPerSecond: 0 } } };
  expect(series(withBeat(read, idle))).toEqual([]);
});

test('withBeat() ignores what is no beat', () => {
  const before = overview();
  for (const value of [undefined, 'x', {}, { at: 'now' }])
    expect(withBeat(before, value)).toBe(before);
  expect(withBeat(before, { at: STARTED }).process).toBe(before.process);
});
