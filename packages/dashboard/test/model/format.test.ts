import { expect, test } from 'vitest';
import {
  formatBytes,
  formatCoarse,
  formatCount,
  formatDuration,
  formatMs,
  formatRate,
  formatTime,
} from '../../src/model/format.ts';

test.each([
  [undefined, '–'],
  [-5, '0 ms'],
  [830.4, '830 ms'],
  [4200, '4.2 s'],
  [42_900, '42 s'],
  [185_000, '3 min 05 s'],
  [7_800_000, '2 h 10 min'],
  [4 * 86_400_000 + 3 * 3_600_000, '4 d 03 h'],
])('formatDuration(%s) is %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

test.each([
  [undefined, '–'],
  [-1, '0 s'],
  [8900, '8 s'],
  [4 * 60_000 + 59_000, '4 min'],
  [2.5 * 3_600_000, '2 h'],
  [3 * 86_400_000, '3 d'],
])('formatCoarse(%s) is %s', (ms, text) => {
  expect(formatCoarse(ms)).toBe(text);
});

test.each([
  [undefined, '–'],
  [0.424, '0.42'],
  [7.34, '7.3'],
  [12.6, '13'],
  [128.4, '128'],
  [4210, '4,210'],
])('formatMs(%s) is %s', (ms, text) => {
  expect(formatMs(ms)).toBe(text);
});

test('formatCount() parts thousands', () => {
  expect([0, 999, 1000, 1_234_567].map((one) => formatCount(one))).toEqual([
    '0',
    '999',
    '1,000',
    '1,234,567',
  ]);
  expect(formatCount(undefined)).toBe('–');
});

test('formatRate() has one digit below ten', () => {
  expect([undefined, 0, 0.43, 9.94, 12.3, 1234].map((one) => formatRate(one))).toEqual([
    '–',
    '0',
    '0.4',
    '9.9',
    '12',
    '1,234',
  ]);
});

test('formatBytes() uses binary units', () => {
  expect(
    [undefined, 0, 512, 4096, 73 * 1024 ** 2, 5 * 1024 ** 5].map((one) => formatBytes(one)),
  ).toEqual(['–', '0 B', '512 B', '4.0 KiB', '73 MiB', '5120 TiB']);
});

test('formatTime() is local, to the second', () => {
  expect(formatTime(new Date(2026, 10, 2, 3, 4, 5).getTime())).toBe('2026-11-02 03:04:05');
  expect(formatTime(undefined)).toBe('–');
});
