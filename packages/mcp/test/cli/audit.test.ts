import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cliBench, type CliBench } from './fake-io.ts';

const record = (index: number, more: object): string =>
  JSON.stringify({
    ts: new Date(Date.now() - (50 - index) * 60_000).toISOString(),
    principal: 'key:k',
    ms: 1,
    ...more,
  });

const names = (text: string): unknown[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { name: string }).name);

async function openBench(): Promise<CliBench> {
  const bench = await cliBench();
  Object.assign(bench.io.env, { CORTEX_HOME: bench.path });
  await mkdir(join(bench.path, 'mcp'));
  const lines = Array.from({ length: 50 }, (_, index) =>
    record(index, {
      connector: index % 2 === 0 ? 'github' : 'other',
      method: 'tools/call',
      name: `t${index}`,
      outcome: index % 10 === 0 ? 'failed' : 'ok',
      ...(index % 10 === 0 && { code: 'TIMEOUT' }),
    }),
  );
  lines.push(record(50, { event: 'pins-changed', connector: 'github', detail: '"x\u001b[31m"' }));
  await writeFile(join(bench.path, 'mcp', 'audit.jsonl'), `${lines.join('\n')}\n`);
  return bench;
}

test('audit tail shows the last calls as a table', async () => {
  await using bench = await openBench();
  expect(await bench.run('audit', 'tail')).toBe(0);
  const lines = bench.stdout.text.trimEnd().split('\n');
  expect(lines).toHaveLength(21);
  expect(lines[0]).toMatch(/^TIME +OUTCOME +CODE/);
  expect(lines.at(-1)).toContain('pins-changed');
  expect(bench.stdout.text).not.toContain('\u001b');
  expect(lines.find((line) => line.includes(' t40'))).toMatch(
    /failed +TIMEOUT +1 +key:k +github +t40/,
  );
});

test('audit tail filters, and prints records with --json', async () => {
  await using bench = await openBench();
  expect(
    await bench.run(
      'audit',
      'tail',
      '--outcome',
      'failed',
      '--connector',
      'github',
      '--limit',
      '2',
      '--json',
    ),
  ).toBe(0);
  expect(names(bench.stdout.text)).toEqual(['t30', 't40']);
  bench.stdout.text = '';
  expect(await bench.run('audit', 'search', 'T4', '--since', '6m', '--json')).toBe(0);
  expect(names(bench.stdout.text)).toEqual(
    ['t45', 't46', 't47', 't48', 't49'].slice(-names(bench.stdout.text).length),
  );
  bench.stdout.text = '';
  expect(await bench.run('audit', 'search', 'nothing-like-it')).toBe(0);
  expect(bench.stdout.text).toBe('no records\n');
});

test.each([
  [['--limit', '0'], '--limit'],
  [['--since', 'yesterday-ish'], '--since'],
  [['--outcome', 'good'], '--outcome must be one of ok'],
])('audit tail refuses %j in one line', async (options, why) => {
  await using bench = await openBench();
  expect(await bench.run('audit', 'tail', ...options)).toBe(2);
  expect(bench.stderr.text).toContain(why);
});
