import { expect, test } from 'vitest';
import {
  between,
  histogramOf,
  increase,
  labelValues,
  meanOf,
  parseExposition,
  quantileOf,
  samplesOf,
  sumOf,
} from '../../src/proof/exposition.ts';
import { histogramLines } from './proof-records.ts';

test('parseExposition() reads labels with escapes, infinities and timestamps, and leaves out what is no sample', () => {
  const scrape = parseExposition(
    [
      '# HELP a something',
      String.raw`a{x="q\"uo\\te\n",y="2"} 3 1700000000000`,
      'a{x="z"} 4',
      'b +Inf',
      'c NaN',
      'no sample at all',
    ].join('\n'),
    7,
  );
  expect(scrape.atMs).toBe(7);
  expect(samplesOf(scrape, 'a')[0]).toEqual({ labels: { x: 'q"uo\\te\n', y: '2' }, value: 3 });
  expect(sumOf(scrape, 'a')).toBe(7);
  expect(sumOf(scrape, 'a', { x: 'z' })).toBe(4);
  expect(sumOf(scrape, 'b')).toBe(Infinity);
  expect(sumOf(scrape, 'c')).toBeUndefined();
  expect(labelValues(scrape, 'a', 'x')).toEqual(['q"uo\\te\n', 'z']);
});

test('samplesOf() finds those of a connector beside other labels, and none of one that is not there', () => {
  const scrape = parseExposition(
    [
      'n{connector="a",o="x"} 1',
      'n{connector="a",o="y"} 2',
      'n{connector="b",o="x"} 4',
      'n 8',
    ].join('\n'),
    0,
  );
  expect(sumOf(scrape, 'n', { connector: 'a' })).toBe(3);
  expect(sumOf(scrape, 'n', { connector: 'a', o: 'y' })).toBe(2);
  expect(samplesOf(scrape, 'n', { connector: 'c' })).toEqual([]);
  expect(samplesOf(scrape, 'n', { connector: '' })).toEqual([]);
  expect(sumOf(scrape, 'n')).toBe(15);
});

test('histogramOf() adds up series; quantileOf() spreads within buckets as Prometheus does', () => {
  const scrape = parseExposition(
    [
      ...histogramLines('h', 'c="a"', { '0.1': 50, '0.5': 90, '+Inf': 100 }, 20),
      ...histogramLines('h', 'c="b"', { '0.1': 50, '0.5': 100, '+Inf': 100 }, 10),
    ].join('\n'),
    0,
  );
  const all = histogramOf(scrape, 'h');
  expect(all).toMatchObject({ bounds: [0.1, 0.5, Infinity], counts: [100, 190, 200], count: 200 });
  if (all === undefined) return;
  expect(quantileOf(all, 0.25)).toBeCloseTo(0.05);
  expect(quantileOf(all, 0.5)).toBeCloseTo(0.1);
  expect(quantileOf(all, 0.725)).toBeCloseTo(0.3);
  // Beyond the last bound nothing is known but the bound.
  expect(quantileOf(all, 0.99)).toBe(0.5);
  expect(meanOf(all)).toBeCloseTo(0.15);
  expect(histogramOf(scrape, 'absent')).toBeUndefined();
});

const at = (count: number, sum: number) => ({
  bounds: [1, Infinity],
  counts: [count, count],
  count,
  sum,
});

test('between() and increase() take a lower count for a restart, and nothing for unknown', () => {
  expect(between(at(10, 5), at(15, 8))).toEqual(at(5, 3));
  expect(between(at(10, 5), at(3, 2))).toEqual(at(3, 2));
  expect(between(undefined, at(3, 2))).toEqual(at(3, 2));
  expect(quantileOf(at(0, 0), 0.5)).toBeUndefined();
  expect(meanOf(at(0, 0))).toBeUndefined();
  expect([increase(4, 10), increase(10, 4), increase(undefined, 4)]).toEqual([6, 4, 4]);
});
