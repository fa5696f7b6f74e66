import { expect, test } from 'vitest';
import { openLiveTable } from '../../src/cli/live-table.ts';
import { cliBench } from './fake-io.ts';

const BEGIN = '\u001B[?25l\u001B[?7l';
const END = '\u001B[?7h\u001B[?25h';
const size = { isTty: true, columns: 40, rows: 6 };

test('draw() replaces the lines in place, with cursor and wrapping restored within each write', async () => {
  await using bench = await cliBench(size);
  const live = openLiveTable(bench.io);
  live?.draw(['a', 'b']);
  live?.draw(['c']);
  live?.clear();
  expect(bench.stdout.text).toBe(
    `${BEGIN}\ra\u001B[K\nb\u001B[K\n\u001B[J${END}` +
      `${BEGIN}\r\u001B[2Ac\u001B[K\n\u001B[J${END}` +
      '\r\u001B[1A\u001B[J',
  );
});

test('draw() cuts lines that are below the window, and counts those that a narrower one breaks', async () => {
  let columns = 40;
  await using bench = await cliBench({ ...size });
  const live = openLiveTable({
    ...bench.io,
    get columns() {
      return columns;
    },
  });
  live?.draw(['x'.repeat(30), '2', '3', '4', '5', '6', '7']);
  expect(bench.stdout.text).toContain('5\u001B[K\n');
  expect(bench.stdout.text).not.toContain('6\u001B[K');
  columns = 20;
  bench.stdout.text = '';
  live?.draw(['y']);
  expect(bench.stdout.text).toContain('\r\u001B[6Ay');
});

test('what is written to its io appears above the lines', async () => {
  await using bench = await cliBench({ ...size, stderrIsTty: true });
  const live = openLiveTable(bench.io);
  live?.io.stdout.write('before\n');
  live?.draw(['a']);
  bench.stdout.text = '';
  live?.io.stderr.write('log\n');
  expect(bench.stderr.text).toBe('log\n');
  expect(bench.stdout.text).toBe(`\r\u001B[1A\u001B[J${BEGIN}\ra\u001B[K\n\u001B[J${END}`);
  live?.io.stdout.write('no newline');
  expect(bench.stdout.text).toContain('no newline\n');
  live?.clear();
  expect([live?.io.columns, live?.io.rows, live?.io.stdout.unread]).toEqual([40, 6, 0]);
  live?.io.stdout.abandon?.();
});

test.each([
  { isTty: false },
  { env: { TERM: 'dumb' } },
  { columns: undefined },
  { rows: undefined },
  { columns: 19 },
  { rows: 4 },
])('nothing is drawn in place with %j', async (change) => {
  await using bench = await cliBench({ ...size, ...change });
  expect(openLiveTable(bench.io)).toBeUndefined();
});
