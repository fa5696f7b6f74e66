import { expect, test } from 'vitest';
import { oneLine } from '../../src/protocol/one-line.ts';

test('oneLine() replaces raw line breaks and keeps escaped ones', () => {
  const pretty = '{\r\n  "a": "x\\ny"\n}';
  expect(oneLine(pretty)).toBe('{    "a": "x\\ny" }');
  expect(JSON.parse(oneLine(pretty))).toEqual(JSON.parse(pretty));
});
