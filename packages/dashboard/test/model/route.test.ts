import { expect, test } from 'vitest';
import { pageOf } from '../../src/model/paging.ts';
import { parseRoute, routeHash } from '../../src/model/route.ts';

test.each([
  ['', { view: 'connectors', id: undefined }],
  ['#/nonsense/x', { view: 'connectors', id: undefined }],
  ['#/connectors/weather', { view: 'connectors', id: 'weather' }],
  ['#/tools', { view: 'tools', id: undefined }],
  ['#/tools/%E0%A4%A', { view: 'tools', id: undefined }],
  ['#/registry/io.example%2Fserver', { view: 'registry', id: 'io.example/server' }],
  ['#/registry/io.example/server', { view: 'registry', id: 'io.example/server' }],
  ['#/flags/x', { view: 'flags', id: undefined }],
])('parseRoute(%j) finds the view', (hash, route) => {
  expect(parseRoute(hash)).toEqual(route);
});

test('routeHash() leads back to the same place, whatever the name', () => {
  const id = 'a/b #c%\u202Ed';
  expect(parseRoute(routeHash('tools', id))).toEqual({ view: 'tools', id });
  expect(routeHash('flags')).toBe('#/flags');
});

test('pageOf() gives the page asked for, or the nearest', () => {
  const items = [1, 2, 3, 4, 5];
  expect(pageOf(items, 1, 2)).toEqual({
    items: [3, 4],
    index: 1,
    count: 3,
    first: 3,
    last: 4,
    total: 5,
  });
  expect(pageOf(items, 99, 2).items).toEqual([5]);
  expect(pageOf(items, -1, 2).items).toEqual([1, 2]);
  expect(pageOf([], 0, 2)).toEqual({ items: [], index: 0, count: 1, first: 0, last: 0, total: 0 });
});
