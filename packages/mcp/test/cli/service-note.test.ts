import { expect, test } from 'vitest';
import { sayNote, withNotes } from '../../src/cli/service-note.ts';
import { cliBench } from './fake-io.ts';

const warning = { level: 'warn', event: 'warning', text: 'odd', code: 'ODD' } as const;
const news = { level: 'info', event: 'news', text: 'all is well' } as const;

test('sayNote() writes lines for people where nobody logs', async () => {
  await using bench = await cliBench();
  sayNote(bench.io, warning);
  sayNote(bench.io, news);
  sayNote(bench.io, { ...warning, plain: 'as it is' });
  expect(bench.stderr.text).toBe('warning: odd\nall is well\nas it is\n');
});

test('withNotes() makes each of them a line of JSON where stderr is no terminal, as severe as is asked for', async () => {
  await using bench = await cliBench();
  let columns = 80;
  const given = Object.defineProperty({ ...bench.io }, 'columns', { get: () => columns });
  const io = withNotes(given);
  columns = 100;
  expect([io.columns, io.rows]).toEqual([100, undefined]);
  sayNote(io, warning);
  sayNote(io, news);
  const lines = bench.stderr.text.trimEnd().split('\n');
  expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject([
    { level: 40, event: 'warning', code: 'ODD', msg: 'odd' },
    { level: 30, event: 'news', msg: 'all is well' },
  ]);
  sayNote(withNotes(bench.io, 'warn'), news);
  expect(bench.stderr.text.trimEnd().split('\n')).toHaveLength(2);
});

test('withNotes() changes nothing on a terminal', async () => {
  await using bench = await cliBench({ stderrIsTty: true });
  expect(withNotes(bench.io)).toBe(bench.io);
});
