import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tempFolder } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { noisyRow, type NoisyRow } from './noisy-row.ts';
import type { Target } from '../../bench/lib/report.ts';

const SCRIPT = fileURLToPath(new URL('../../../../scripts/bench-compare.mjs', import.meta.url));
interface Compared {
  readonly name: string;
  readonly verdict: string;
  readonly noise: number;
}

const { compareRecords } = (await import(
  new URL('../../../../scripts/bench-verdict.mjs', import.meta.url).href
)) as {
  readonly compareRecords: (
    baseline: unknown,
    record: unknown,
    threshold: number,
  ) => readonly Compared[];
};

const RUN = { takenAt: '2026-01-01T00:00:00.000Z' };

interface Figure {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly samples: number;
  readonly unit: string;
  readonly ratio?: unknown;
}

/** A figure that moves by a share of its median from round to round. */
function figure(median: number, noise: number = 0, unit: string = 'µs'): Figure {
  return { median, min: median * (1 - noise), max: median * (1 + noise), samples: 5, unit };
}

const rate = (perSecond: number): Record<string, Figure> => ({
  'a.ours.perSecond': figure(perSecond),
});
const lookup = (ms: number): Record<string, Figure> => ({
  'registry lookup.p95Ms': figure(ms, 0, 'ms'),
});

interface CompareOptions {
  readonly bench?: string;
  readonly args?: readonly string[];
  readonly targets?: readonly Target[];
}

/** Runs the comparison of two records, by the bench's name and the figures' names. */
async function compare(
  before: Readonly<Record<string, Figure>>,
  after: Readonly<Record<string, Figure>>,
  { bench = 'call', args = [], targets = [] }: CompareOptions = {},
): Promise<{ readonly code: number | null; readonly output: string }> {
  await using folder = tempFolder();
  const write = (name: string, readings: Readonly<Record<string, Figure>>): string => {
    const file = join(folder.path, name);
    writeFileSync(file, JSON.stringify({ run: RUN, results: { [bench]: { readings, targets } } }));
    return file;
  };
  const [baseline, record] = [write('main_latest.json', before), write('regression_1.json', after)];
  const argv = [SCRIPT, record, '--baseline', baseline, ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
  return { code: status, output: stdout + stderr };
}

test('bench:compare fails above the threshold, and names the figure (S3-15, S3-16)', async () => {
  const { code, output } = await compare(
    { 'a.ours.cpuUs': figure(100) },
    { 'a.ours.cpuUs': figure(115) },
  );
  expect(output).toContain('WORSE  call: a.ours.cpuUs: +15.0 %, allowed +10.0 %');
  expect(code).toBe(1);
});

test('bench:compare allows what lies within the threshold and the noise of both (S3-16)', async () => {
  const before = { 'a.ours.cpuUs': figure(100, 0.1) };
  expect(await compare(before, { 'a.ours.cpuUs': figure(118) })).toMatchObject({ code: 0 });
  expect(await compare(before, { 'a.ours.cpuUs': figure(125) })).toMatchObject({ code: 1 });
  const wide = await compare(
    before,
    { 'a.ours.cpuUs': figure(125) },
    { args: ['--threshold', '0.2'] },
  );
  expect(wide.code).toBe(0);
});

test('bench:compare takes fewer calls a second for worse, and more for better (S3-B1)', async () => {
  expect(await compare(rate(100), rate(80))).toMatchObject({ code: 1 });
  const faster = await compare(rate(100), rate(150));
  expect(faster).toMatchObject({ code: 0 });
  expect(faster.output).toContain('1 better');
});

test('bench:compare judges ours by the proxy in the same row, so that another machine is no regression', async () => {
  const before = { 'a.ours.cpuUs': figure(50), 'a.proxy.cpuUs': figure(40) };
  const slower = { 'a.ours.cpuUs': figure(100), 'a.proxy.cpuUs': figure(80) };
  expect(await compare(before, slower)).toMatchObject({ code: 0 });
  const worse = { 'a.ours.cpuUs': figure(100), 'a.proxy.cpuUs': figure(40) };
  expect((await compare(before, worse)).output).toContain('1.250 → 2.500 × proxy');
});

/** A record of the bench `call`. */
function callsOf(readings: unknown): object {
  return { results: { call: { readings } } };
}

const ROW = 'modern→modern, 0.5 KB, 32 in flight';
const NOISY: NoisyRow = { row: ROW, proxyUs: 45, ours: 1.22, rounds: 28 };

test('bench:compare finds 20 % more in 28 rounds that move by half, and takes 5 % for nothing (S3-16)', async () => {
  const name = `call: ${ROW}.ours.cpuUs`;
  const verdictOf = (before: unknown, after: unknown): string | undefined =>
    compareRecords(callsOf(before), callsOf(after), 0.1).find((one) => one.name === name)?.verdict;
  for (let seed = 1; seed <= 40; seed += 1) {
    const before = noisyRow({ ...NOISY, seed });
    const { ratio, min, max, median } = before[`${ROW}.ours.cpuUs`] ?? {};
    expect(ratio, 'what is compared').toMatchObject({ to: 'proxy', samples: 28 });
    // What the whole range says of it: more than what is looked for.
    expect(((max ?? 0) - (min ?? 0)) / 2 / (median ?? 1)).toBeGreaterThan(0.2);
    const dearer = noisyRow({ ...NOISY, seed: seed + 100, ours: 1.22 * 1.2 });
    expect(verdictOf(before, dearer), `20 %, seed ${seed}`).toBe('worse');
    const near = noisyRow({ ...NOISY, seed: seed + 200, ours: 1.22 * 1.05 });
    expect(verdictOf(before, near), `5 %, seed ${seed}`).toBe('same');
  }
  const { code, output } = await compare(noisyRow(NOISY), noisyRow({ ...NOISY, ours: 1.464 }));
  expect(output).toContain(`WORSE  ${name}: +20.0 %`);
  expect(code).toBe(1);
});

test('bench:compare takes a record without quartiles for as noisy as the other one', () => {
  const after = noisyRow({ ...NOISY, seed: 7, ours: 1.22 * 1.2 });
  const bare = Object.fromEntries(
    Object.entries(noisyRow(NOISY)).map(([name, { median, min, max, samples, unit }]) => [
      name,
      { median, min, max, samples, unit },
    ]),
  );
  const found = compareRecords(callsOf(bare), callsOf(after), 0.1);
  const cpu = found.find(({ name }) => name.endsWith('.ours.cpuUs'));
  expect(cpu?.noise).toBeLessThan(0.08);
  expect(cpu?.verdict).toBe('worse');
});

test('bench:compare never allows more than a quarter for noise (S3-16)', async () => {
  const wild = { 'a.ours.wallMs': figure(100, 0.9) };
  const { code, output } = await compare(wild, { 'a.ours.wallMs': figure(140, 0.9) });
  expect(output).toContain('+40.0 %, allowed +35.0 %');
  expect(code).toBe(1);
});

test('bench:compare judges what a start costs, and whatever else has no name of its own (S3-16)', async () => {
  const before = {
    'file.listenCpuMs': figure(150, 0, 'ms'),
    'parse, 0.5 KB': figure(900, 0, 'ns'),
  };
  for (const [name, { unit }] of Object.entries(before)) {
    const after = { ...before, [name]: figure(2_000, 0, unit) };
    expect((await compare(before, after)).output).toContain(`WORSE  call: ${name}`);
  }
  const tail = { 'a.ours.p99Us': figure(10) };
  expect(await compare(tail, { 'a.ours.p99Us': figure(90) })).toMatchObject({ code: 0 });
});

test('bench:compare fails when a target of the record is missed, and names it (S3-16)', async () => {
  const target = { what: 'cpu against the bare proxy', wanted: '≤ 1.35 ×', measured: '1.41 ×' };
  const same = { 'a.ours.cpuUs': figure(100) };
  const missed = await compare(same, same, { targets: [{ ...target, met: false }] });
  expect(missed.output).toContain(
    'MISSED call: cpu against the bare proxy: 1.41 ×, wanted ≤ 1.35 ×',
  );
  expect(missed.code).toBe(1);
  expect(await compare(same, same, { targets: [{ ...target, met: true }] })).toMatchObject({
    code: 0,
  });
});

test('bench:compare takes a failed call for worse where there was none, and ignores other gateways', async () => {
  const before = { 'a.ours.failed': figure(0), 'a.nginx.cpuUs': figure(10) };
  const after = { 'a.ours.failed': figure(0), 'a.nginx.cpuUs': figure(90) };
  expect(await compare(before, after)).toMatchObject({ code: 0 });
  expect(await compare(before, { ...after, 'a.ours.failed': figure(2) })).toMatchObject({
    code: 1,
  });
});

test('bench:compare fails over a budget of S3-17', async () => {
  const over = await compare(lookup(0.2), lookup(0.2), { bench: 'budget' });
  expect(over.output).toContain('OVER   registry lookup, p95: 0.2000 ms, the budget is 0.1 ms');
  expect(over.code).toBe(1);
  expect(await compare(lookup(0.05), lookup(0.05), { bench: 'budget' })).toMatchObject({ code: 0 });
});

test('bench:compare --accept makes the record the baseline, beside one with its date (S3-B1)', async () => {
  await using folder = tempFolder();
  const [record, baseline] = [join(folder.path, 'r.json'), join(folder.path, 'main_latest.json')];
  writeFileSync(record, JSON.stringify({ run: RUN, results: { call: { readings: {} } } }));
  const argv = [SCRIPT, record, '--baseline', baseline, '--accept'];
  const { status, stdout } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
  expect(status).toBe(0);
  expect(stdout).toContain('main_2026-01-01.json');
});
