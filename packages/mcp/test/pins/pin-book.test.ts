import { expect, test } from 'vitest';
import {
  approve,
  emptyBook,
  observe,
  pendingOf,
  stateOf,
  type PinBook,
  type SightingPolicy,
} from '../../src/pins/pin-book.ts';

const POLICY: SightingPolicy = { trustFirst: true, trustServer: true, now: '2026-11-21' };

function see(
  book: PinBook,
  tools: Readonly<Record<string, string>>,
  policy: Partial<SightingPolicy> = {},
  server = 'one',
): boolean {
  const offered = Object.entries(tools).map(([name, text]) => ({ name, text, hash: `#${text}` }));
  return observe(book, { connectorId: 'c', server, tools: offered }, { ...POLICY, ...policy });
}

const states = (book: PinBook, tools: Readonly<Record<string, string>>): string[] =>
  Object.entries(tools).map(([name, text]) => stateOf(book.connectors.get('c'), name, `#${text}`));

function waiting(book: PinBook): string[] {
  const pins = book.connectors.get('c');
  return pins === undefined
    ? []
    : pendingOf('c', pins).map(({ tool, change }) => `${tool} ${change}`);
}

test('observe() approves what it sees first, and nothing that changes or comes later (S9)', () => {
  const book = emptyBook();
  expect(see(book, { a: '1', b: '1' })).toBe(true);
  expect(states(book, { a: '1', b: '1' })).toEqual(['approved', 'approved']);
  expect(see(book, { a: '1', b: '1' })).toBe(false);
  expect(see(book, { a: '2', b: '1', c: '1' })).toBe(true);
  expect(states(book, { a: '2', b: '1', c: '1' })).toEqual(['changed', 'approved', 'new']);
  expect(waiting(book)).toEqual(['a changed', 'c new']);
  expect(see(book, { a: '2', b: '1', c: '1' })).toBe(false);
  // Back as it was: nothing waits.
  expect(see(book, { a: '1', b: '1' })).toBe(true);
  expect(waiting(book)).toEqual([]);
});

test('observe() notes a tool that is gone, and that it came back', () => {
  const book = emptyBook();
  see(book, { a: '1', b: '1' });
  expect(see(book, { a: '1' })).toBe(true);
  expect(waiting(book)).toEqual(['b removed']);
  expect(see(book, { a: '1' })).toBe(false);
  see(book, { a: '1', b: '2' });
  expect(waiting(book)).toEqual(['b changed']);
  see(book, { a: '1', b: '1' });
  expect(waiting(book)).toEqual([]);
  see(book, { a: '1', b: '1', c: '1' });
  see(book, { a: '1', b: '1' });
  expect(waiting(book)).toEqual([]);
});

test('observe() trusts nothing at first sight when it must not, or when earlier pins were lost (S9)', () => {
  const strict = emptyBook();
  see(strict, { a: '1' }, { trustFirst: false });
  expect(waiting(strict)).toEqual(['a new']);
  const lost: PinBook = { lost: 'yesterday', connectors: new Map() };
  see(lost, { a: '1' });
  expect(waiting(lost)).toEqual(['a new']);
});

test('observe() does not take a server without tools for one that was seen', () => {
  const book = emptyBook();
  expect(see(book, {})).toBe(false);
  see(book, { a: '1' });
  expect(states(book, { a: '1' })).toEqual(['approved']);
});

test('another server of a known connector is trusted only where the policy says so (S9)', () => {
  const mine = emptyBook();
  see(mine, { a: '1' });
  see(mine, { a: '2' }, {}, 'two');
  expect(states(mine, { a: '2' })).toEqual(['approved']);
  const remote = emptyBook();
  see(remote, { a: '1' });
  expect(see(remote, { a: '1' }, { trustServer: false }, 'two')).toBe(true);
  // The same definition, of somebody else.
  expect(states(remote, { a: '1' })).toEqual(['changed']);
  expect(see(remote, { a: '1' }, { trustServer: false }, 'two')).toBe(false);
  expect(approve(remote, 'c', 'a', 'now')).toEqual(['a']);
  expect(states(remote, { a: '1' })).toEqual(['changed']);
  expect(approve(remote, 'c', undefined, 'now')).toEqual(['a']);
  expect(states(remote, { a: '1' })).toEqual(['approved']);
  // The first one is the other one now.
  see(remote, { a: '1' }, { trustServer: false }, 'one');
  expect(states(remote, { a: '1' })).toEqual(['changed']);
});

test('approve() takes over one tool, or all of a connector', () => {
  const book = emptyBook();
  see(book, { a: '1', b: '1', c: '1' });
  see(book, { a: '2', b: '2', d: '1' });
  expect(approve(book, 'c', 'a', 'now')).toEqual(['a']);
  expect(waiting(book)).toEqual(['b changed', 'c removed', 'd new']);
  expect(approve(book, 'c', undefined, 'now').toSorted()).toEqual(['b', 'c', 'd']);
  expect(waiting(book)).toEqual([]);
  expect(book.connectors.get('c')?.tools.get('a')?.approved).toMatchObject({
    by: 'operator',
    at: 'now',
  });
  expect(book.connectors.get('c')?.tools.has('c')).toBe(false);
  expect(approve(book, 'unknown', undefined, 'now')).toEqual([]);
});

test('a book is bounded: texts, tools of a connector, connectors', () => {
  const book = emptyBook();
  see(book, { long: 'x'.repeat(20_000) });
  expect(book.connectors.get('c')?.tools.get('long')?.approved).not.toHaveProperty('text');
  const many = Object.fromEntries(Array.from({ length: 3_000 }, (_, i) => [`t${i}`, '1']));
  see(book, many);
  expect(book.connectors.get('c')?.tools.size).toBe(2_000);
  expect(states(book, { t2999: '1' })).toEqual(['new']);
});

test.each(['__proto__', 'constructor'])(
  'a tool called %s has a pin like any other (S14)',
  (name) => {
    const book = emptyBook();
    const offered = [{ name, text: '{}', hash: '#1' }];
    observe(book, { connectorId: name, server: 's', tools: offered }, POLICY);
    expect(stateOf(book.connectors.get(name), name, '#1')).toBe('approved');
    expect(stateOf(book.connectors.get(name), 'toString', '#1')).toBe('new');
  },
);
