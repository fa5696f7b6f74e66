import { expect, test } from 'vitest';
import {
  connectorRows,
  countTones,
  describeChanges,
  toneOf,
  type SortKey,
} from '../../src/model/connector-rows.ts';
import { readOverview, type ConnectorFacts } from '../../src/model/overview.ts';

function connectors(...more: readonly object[]): readonly ConnectorFacts[] {
  return readOverview({ service: {}, connectors: more })?.connectors ?? [];
}

const all = connectors(
  { id: 'b', state: 'fresh', ageMs: 500, inFlight: 3, restarts: 1, counts: { tools: 9 } },
  { id: 'a', state: 'stale', ageMs: 90, era: 'modern', transport: 'stdio', breaker: 'open' },
  { id: 'd', state: 'unavailable', error: { code: 'ECONNREFUSED' }, origin: 'https://x.test' },
  { id: 'c', state: 'disabled', nextRefreshAt: 7 },
);
const none = { search: '', tone: 'all' } as const;

function ids(key: SortKey, isDescending = false): string {
  return connectorRows(all, none, { key, isDescending })
    .map((one) => one.id)
    .join('');
}

test('connectorRows() puts what is wrong first', () => {
  expect(ids('state')).toBe('dabc');
  expect(ids('state', true)).toBe('cbad');
});

test('connectorRows() sorts by number and by text, and puts what has no value last either way', () => {
  expect(ids('age')).toBe('abcd');
  expect(ids('age', true)).toBe('bacd');
  expect(ids('id', true)).toBe('dcba');
  expect(ids('next')).toBe('cabd');
  expect(ids('restarts')).toBe('bacd');
  expect(ids('inFlight', true)).toBe('bacd');
  expect(ids('tools', true)).toBe('bacd');
  expect(ids('era')).toBe('abcd');
  expect(ids('breaker')).toBe('abcd');
  expect(ids('p95')).toBe('abcd');
  expect(ids('calls')).toBe('abcd');
  expect(ids('errors')).toBe('abcd');
});

function found(search: string): string {
  const rows = connectorRows(all, { ...none, search }, { key: 'id', isDescending: false });
  return rows.map((one) => one.id).join('');
}

test('connectorRows() finds by every word, in any of its texts', () => {
  expect(found('econn')).toBe('d');
  expect(found('STDIO stale')).toBe('a');
  expect(found('x.test disabled')).toBe('');
  expect(found('  ')).toBe('abcd');
});

test('connectorRows() keeps one tone when one is asked for', () => {
  const rows = connectorRows(all, { search: '', tone: 'bad' }, { key: 'id', isDescending: false });
  expect(rows.map((one) => one.id)).toEqual(['d']);
});

test('countTones() counts every connector once', () => {
  expect(countTones(all)).toEqual({ good: 1, aging: 1, bad: 1, off: 1, busy: 0 });
  expect(toneOf('something new')).toBe('off');
});

function states(state: string): readonly ConnectorFacts[] {
  return connectors(...['a', 'b', 'c', 'd'].map((id) => ({ id, state })));
}

test('describeChanges() names few, counts many and is silent about none', () => {
  const fresh = states('fresh');
  expect(describeChanges(fresh, fresh)).toBeUndefined();
  expect(describeChanges([], fresh)).toBeUndefined();
  expect(describeChanges(fresh, states('stale'))).toBe('4 connectors changed their state.');
  expect(describeChanges(fresh, [...states('stale').slice(0, 2), ...fresh.slice(2)])).toBe(
    'a is now stale, b is now stale.',
  );
});
