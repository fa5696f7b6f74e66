import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { observe, type PinBook } from '../../src/pins/pin-book.ts';
import { PinStore } from '../../src/pins/pin-store.ts';

const POLICY = { trustFirst: true, trustServer: true, now: '2026-11-21' };

function saw(id: string, text = '{"name":"t"}', names: readonly string[] = ['t']) {
  return (book: PinBook): boolean => {
    const tools = names.map((name) => ({ name, text, hash: `#${text}` }));
    return observe(book, { connectorId: id, server: 's', tools }, POLICY);
  };
}

test('PinStore gives back what was written, with odd names and after a restart', async () => {
  await using folder = tempFolder();
  const path = join(folder.path, 'new', 'pins.json');
  const store = new PinStore(path);
  expect(await store.load()).toBe(true);
  expect(store.state).toEqual({ kind: 'ok' });
  const names = ['t', '__proto__', '],"', '\u2028\ud800'];
  await store.change(saw('a', '{"name":"t","description":"\\n"}', names));
  await store.change(saw('b'));
  await store.change((book) => saw('a', 'changed')(book));
  JSON.parse(await readFile(path, 'utf8'));
  const again = new PinStore(path);
  await again.load();
  expect(again.book).toEqual(store.book);
  expect(await again.load()).toBe(false);
  expect(again.book.connectors.get('a')?.tools.get('__proto__')?.gone).toBeDefined();
  expect(await readdir(join(folder.path, 'new'))).toEqual(['pins.json']);
});

test('PinStore reads a file that another program has formatted', async () => {
  await using folder = tempFolder();
  const path = join(folder.path, 'pins.json');
  const store = new PinStore(path);
  await store.change(saw('a'));
  await writeFile(path, JSON.stringify(JSON.parse(await readFile(path, 'utf8')), undefined, 2));
  expect(await store.load()).toBe(true);
  expect(store.book.connectors.get('a')?.tools.get('t')?.approved?.by).toBe('first-use');
});

test('changes of two stores of one file are all kept', async () => {
  await using folder = tempFolder();
  const path = join(folder.path, 'pins.json');
  const stores = [new PinStore(path), new PinStore(path), new PinStore(path)];
  await Promise.all(
    stores.flatMap((store, index) =>
      Array.from({ length: 10 }, async (_, round) => await store.change(saw(`c${index}-${round}`))),
    ),
  );
  const last = new PinStore(path);
  await last.load();
  expect(last.book.connectors.size).toBe(30);
});

test('a lock that was left behind holds up nobody for long', async () => {
  await using folder = tempFolder();
  const path = join(folder.path, 'pins.json');
  await writeFile(`${path}.lock`, '1');
  const old = new Date(Date.now() - 60_000);
  await utimes(`${path}.lock`, old, old);
  const store = new PinStore(path);
  await store.change(saw('a'));
  expect(await readdir(folder.path)).toEqual(['pins.json']);
});

const WHOLE =
  '{"format":1,"connectors":[\n{"id":"a","server":"s","tools":[]},\n{"id":"b","server":"s","tools":[]}\n]}\n';

test.each([
  ['cut off', WHOLE.slice(0, 60)],
  ['empty', ''],
  ['a line missing', WHOLE.replace(/\{"id":"b".*\n/, '')],
  ['another shape', '{"format":1,"connectors":{}}'],
  ['no format', '{"connectors":[]}'],
  ['no text', '{"format":1,"connectors":[{"id":1,"server":"s","tools":[]}]}'],
  [
    'an approver nobody knows',
    WHOLE.replace('"tools":[]', '"tools":[{"name":"t","approved":{"hash":"","at":"","by":"me"}}]'),
  ],
  ['binary', '\u0000\u0001'],
])(
  'PinStore keeps a damaged file (%s) aside and trusts nothing since (S9)',
  async (_what, text) => {
    await using folder = tempFolder();
    const path = join(folder.path, 'pins.json');
    await writeFile(path, text);
    const store = new PinStore(path);
    await store.load();
    expect(store.state.kind).toBe('damaged');
    expect(store.book.lost).toBeDefined();
    const aside = (await readdir(folder.path)).find((name) => name.includes('damaged')) ?? '';
    expect(await readFile(join(folder.path, aside), 'utf8')).toBe(text);
    const next = new PinStore(path);
    await next.load();
    expect([next.state.kind, next.book.lost]).toEqual(['ok', store.book.lost]);
  },
);

test('PinStore leaves alone what it cannot read, and a file of a newer version (S9)', async () => {
  await using folder = tempFolder();
  const path = join(folder.path, 'pins.json');
  await writeFile(path, '{"format":2,"connectors":[]}');
  const store = new PinStore(path);
  await store.load();
  expect(store.state).toMatchObject({ kind: 'unreadable' });
  expect(store.book.lost).toBeDefined();
  await expect(store.change(saw('a'))).rejects.toThrow('cannot be used');
  expect(await readFile(path, 'utf8')).toBe('{"format":2,"connectors":[]}');
  // Put right by hand, it counts again.
  await writeFile(path, WHOLE);
  expect(await store.load()).toBe(true);
  expect([store.state.kind, store.book.lost]).toEqual(['ok', undefined]);
});
