import { join } from 'node:path';
import { expect, test } from 'vitest';
import { diffLines, shownDefinition, visibleText } from '../../src/cli/pins-diff.ts';
import { observe } from '../../src/pins/pin-book.ts';
import { PinStore } from '../../src/pins/pin-store.ts';
import { writeFile } from 'node:fs/promises';
import { cliBench, type CliBench } from './fake-io.ts';

const NOW = '2026-11-21T00:00:00.000Z';

async function openBench(): Promise<CliBench & { readonly store: PinStore }> {
  const bench = await cliBench();
  Object.assign(bench.io.env, { CORTEX_HOME: bench.path });
  return Object.assign(bench, { store: new PinStore(join(bench.path, 'mcp', 'pins.json')) });
}

async function see(
  store: PinStore,
  connectorId: string,
  tools: Readonly<Record<string, string>>,
  server = 's',
): Promise<void> {
  const offered = Object.entries(tools).map(([name, description]) => {
    const text = JSON.stringify({ name, description, inputSchema: { type: 'object' } });
    return { name, text, hash: `hash-of-${description}` };
  });
  const policy = { trustFirst: true, trustServer: false, now: NOW };
  await store.change((book) => observe(book, { connectorId, server, tools: offered }, policy));
}

test('pins list shows what waits before what is approved', async () => {
  await using bench = await openBench();
  expect(await bench.run('pins', 'list')).toBe(0);
  expect(bench.stdout.text).toContain('nothing is pinned yet');
  await see(bench.store, 'github', { search: 'one', issue: 'one' });
  await see(bench.store, 'github', { search: 'two', issue: 'one', 'new\u001b[31m': 'x' });
  await see(bench.store, 'other', { t: 'one' });
  bench.stdout.text = '';
  expect(await bench.run('pins', 'list')).toBe(0);
  expect(
    bench.stdout.text
      .split('\n')
      .slice(1, 5)
      .map((line) => line.split(/\s+/).slice(0, 3)),
  ).toEqual([
    ['github', 'new', 'new'],
    ['github', 'search', 'changed'],
    ['github', 'issue', 'approved'],
    ['other', 't', 'approved'],
  ]);
  expect(bench.stdout.text).not.toContain('\u001b');
  bench.stdout.text = '';
  expect(await bench.run('pins', 'list', 'other', '--json')).toBe(0);
  expect(JSON.parse(bench.stdout.text)).toEqual([
    { connector: 'other', tool: 't', state: 'approved', since: NOW, hash: 'hash-of-one' },
  ]);
  expect(await bench.run('pins', 'list', 'githib')).toBe(2);
  expect(bench.stderr.text).toContain('did you mean github?');
});

test('pins diff shows what changed, readably, with what nobody sees made visible (S9, S12)', async () => {
  await using bench = await openBench();
  await see(bench.store, 'github', { search: 'Searches.\nOnce.' });
  await see(bench.store, 'github', { search: 'Searches.\nTwice.\u200b\u{e0041}' });
  expect(await bench.run('pins', 'diff', 'github', 'search')).toBe(0);
  expect(bench.stdout.text).toContain('github search: changed (hash-of-Sear)');
  expect(bench.stdout.text).toMatch(/^- Once\./m);
  expect(bench.stdout.text).toMatch(/^\+ Twice\.<U\+200B><U\+E0041>/m);
  expect(bench.stdout.text).toMatch(/^ {4}"description": "Searches\./m);
  bench.stdout.text = '';
  expect(await bench.run('pins', 'diff', '--json')).toBe(0);
  expect(JSON.parse(bench.stdout.text)).toMatchObject([{ tool: 'search', change: 'changed' }]);
  bench.stdout.text = '';
  expect(await bench.run('pins', 'diff', 'github', 'none')).toBe(0);
  expect(bench.stdout.text).toBe('every tool is as it was approved\n');
});

test('pins approve takes one tool, a connector or all, and says what it took', async () => {
  await using bench = await openBench();
  await see(bench.store, 'a', { x: '1', y: '1' });
  await see(bench.store, 'b', { z: '1' });
  await see(bench.store, 'a', { x: '2', y: '2' });
  await see(bench.store, 'b', {});
  expect(await bench.run('pins', 'approve', 'a', 'x')).toBe(0);
  expect(bench.stdout.text).toBe('approved a x (hash-of-2)\n');
  expect(await bench.run('pins', 'approve', '--all')).toBe(0);
  expect(bench.stdout.text).toContain('approved a y (hash-of-2)\napproved b z (gone)\n');
  bench.stdout.text = '';
  expect(await bench.run('pins', 'approve', 'a')).toBe(0);
  expect(bench.stdout.text).toBe('nothing was waiting\n');
  expect(await bench.run('pins', 'approve')).toBe(2);
  expect(await bench.run('pins', 'approve', 'a', '--all')).toBe(2);
  expect(await bench.run('pins', 'approve', 'a', 'none')).toBe(2);
});

test('pins approve of one tool does not trust another server (S9)', async () => {
  await using bench = await openBench();
  await see(bench.store, 'a', { x: '1' });
  await see(bench.store, 'a', { x: '1' }, 'elsewhere');
  expect(await bench.run('pins', 'list')).toBe(0);
  expect(bench.stdout.text).toContain('a: another server');
  expect(await bench.run('pins', 'approve', 'a', 'x')).toBe(1);
  expect(bench.stderr.text).toContain('another server stands behind a');
  expect(await bench.run('pins', 'approve', 'a')).toBe(0);
});

test('pins commands name a file that was damaged, and approve --all begins anew (S9)', async () => {
  await using bench = await openBench();
  await see(bench.store, 'a', { x: '1' });
  await writeFile(bench.store.path, '{"format":1,');
  expect(await bench.run('pins', 'list')).toBe(0);
  expect(bench.stderr.text).toContain('earlier pins were damaged');
  expect(await bench.run('pins', 'approve', '--all')).toBe(0);
  await bench.store.load();
  expect(bench.store.book.lost).toBeUndefined();
  await writeFile(bench.store.path, '{"format":9}');
  expect(await bench.run('pins', 'list')).toBe(1);
});

test('diffLines() leaves out what did not change', () => {
  const before = Array.from({ length: 20 }, (_, i) => `line ${i}`);
  const after = before.with(10, 'other');
  expect(diffLines(before, after)).toEqual([
    '  line 8',
    '  line 9',
    '- line 10',
    '+ other',
    '  line 11',
    '  line 12',
    '  …',
  ]);
  expect(diffLines([], ['a'])).toEqual(['+ a']);
  expect(diffLines(before, before)).toEqual([]);
  const long = Array.from({ length: 3_000 }, (_, i) => String(i));
  expect(diffLines(long, ['x'])).toHaveLength(3_001);
});

test('visibleText() and shownDefinition() hide nothing', () => {
  expect(visibleText('a\u202e\u0007\ufe0f😀')).toBe('a<U+202E><U+0007><U+FE0F>😀');
  expect(shownDefinition('{"b":[1],"a":{}}')).toEqual([
    '{',
    '  "a": {},',
    '  "b": [',
    '    1',
    '  ]',
    '}',
  ]);
  expect(shownDefinition(undefined)).toEqual([]);
});
