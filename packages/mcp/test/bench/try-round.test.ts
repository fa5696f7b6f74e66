import { expect, test } from 'vitest';
import type { LoadRound } from '../../bench/lib/compare-load.ts';
import { listPlace } from '../../bench/lib/call-rows.ts';
import { loadTable } from '../../bench/lib/load-table.ts';
import type { Outcome } from '../../bench/lib/outcome.ts';
import type { RawLoad } from '../../bench/lib/raw-load.ts';
import { TriedRounds, tryRound } from '../../bench/lib/try-round.ts';

const ROUND: LoadRound = {
  calls: 10,
  failed: 0,
  seconds: 1,
  p50Us: 1,
  p95Us: 2,
  p99Us: 3,
  maxUs: 4,
  loadCpuUs: 1,
  cpuUs: 5,
  gcUs: 0,
  rssBytes: 1_048_576,
  foreignCores: 0,
  loadCores: 0,
  sharedCores: 0,
};
const SILENT: Outcome = { kind: 'silent', ms: 3_000 };
const FAILED: Outcome = { kind: 'error', ms: 9, what: 'fetch failed', code: undefined };

test('TriedRounds keeps rounds apart from loads that got no result, and shows both in the table', () => {
  const tried = new TriedRounds();
  tried.add('list, hung', 'ours', ROUND);
  tried.add('list, hung', 'other', SILENT);
  tried.add('list, hung', 'other', SILENT);
  tried.add('list, dead', 'other', FAILED);
  tried.add('list, dead', 'other', ROUND);
  expect(tried.of('list, hung', 'ours')).toEqual({ rounds: [ROUND], failures: [] });
  expect(tried.of('list, dead', 'ours')).toEqual({ rounds: [], failures: [] });
  const { table, readings } = loadTable('', tried.rows, 'ours');
  expect(Object.keys(readings).some((name) => name.startsWith('list, hung.other'))).toBe(false);
  const { rows, headings } = tried.complete(table);
  expect(rows.map((row) => row.slice(0, 3))).toEqual([
    ['list, hung', 'ours', '10'],
    ['list, hung', 'other', 'no answer in 3 s (2 of 2)'],
    ['list, dead', 'other', '10'],
    ['list, dead', 'other', 'error after 9.0 ms: fetch failed'],
  ]);
  expect(rows.map((row) => row.at(-1))).toEqual(['1 of 1', '2 of 2', '1 of 1', '1 of 2']);
  expect(new Set(rows.map(({ length }) => length))).toEqual(new Set([headings.length]));
});

test('tryRound() puts no load on what does not answer its first request', async () => {
  const nobody = 'http://127.0.0.1:1/mcp';
  const load = {} as RawLoad;
  const subject = {
    url: nobody,
    pid: 0,
    commandLine: '',
    usage: () => Promise.reject(new Error('never asked')),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const candidate = { name: 'other', subject, place: listPlace('legacy', nobody, 1) };
  const options = { load, helpers: [], durationMs: 1 };
  for (const way of ['session', 'plain', 'sse'] as const) {
    expect(await tryRound(options, candidate, way)).toMatchObject({ kind: 'error' });
  }
});
