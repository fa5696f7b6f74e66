import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tempFolder } from '@cortex-os/testkit';
import { expect, test } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../../../scripts/bench-compare.mjs', import.meta.url));
const RUN = { takenAt: '2026-01-01T00:00:00.000Z' };

interface Figure {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly samples: number;
  readonly unit: string;
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

/** Runs the comparison of two records, by the bench's name and the figures' names. */
async function compare(
  before: Readonly<Record<string, Figure>>,
  after: Readonly<Record<string, Figure>>,
  { bench = 'call', args = [] }: { readonly bench?: string; readonly args?: string[] } = {},
): Promise<{ readonly code: number | null; readonly output: string }> {
  await using folder = tempFolder();
  const write = (name: string, readings: Readonly<Record<string, Figure>>): string => {
    const file = join(folder.path, name);
    writeFileSync(file, JSON.stringify({ run: RUN, results: { [bench]: { readings } } }));
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
