import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { DEFECTS, REQUIREMENTS, type Citation } from './requirements.ts';

const PACKAGE = new URL('../../', import.meta.url);

const sourceOf = (file: string): string =>
  readFileSync(fileURLToPath(new URL(file, PACKAGE)), 'utf8');

/** A test that runs: `test('name'`, `test.each(…)('name'` or `test.for(…)('name'`, the name on a line of its own or not. */
function isTest(source: string, name: string): boolean {
  const at = source.indexOf(`'${name}'`);
  if (at < 0) return false;
  const opening = source.slice(0, at).trimEnd();
  const words = /\b(?:test|it)(?<how>[.\w]*)\((?:(?!\b(?:test|it)[.\w]*\().)*$/s.exec(opening);
  const how = words?.groups?.['how'];
  return opening.endsWith('(') && (how === '' || how === '.each' || how === '.for');
}

const ALL: readonly (readonly [string, Citation])[] = [
  ...Object.entries(DEFECTS),
  ...Object.entries(REQUIREMENTS),
].flatMap(([id, citations]) => citations.map((citation) => [id, citation] as const));

test('every test that is cited for a defect or requirement exists and runs', () => {
  const missing = ALL.filter(([, { file, name }]) => !isTest(sourceOf(file), name));
  expect(missing.map(([id, { file, name }]) => `${id}: ${file}: ${name}`)).toEqual([]);
});

test('every defect 1 to 18 of the earlier build has a test', () => {
  const wanted = Array.from({ length: 18 }, (_, index) => `B7.${index + 1}`);
  expect(Object.keys(DEFECTS)).toEqual(wanted);
  expect(Object.entries(DEFECTS).filter(([, citations]) => citations.length === 0)).toEqual([]);
  expect(Object.entries(REQUIREMENTS).filter(([, citations]) => citations.length === 0)).toEqual(
    [],
  );
});

test('isTest() knows a test that is skipped, left to do, or only mentioned', () => {
  expect(isTest("test('a b', () => {});", 'a b')).toBe(true);
  expect(isTest("test.each([1])(\n  'a %i',\n  () => {});", 'a %i')).toBe(true);
  expect(isTest("test.skip('a b', () => {});", 'a b')).toBe(false);
  expect(isTest("test.todo('a b');", 'a b')).toBe(false);
  expect(isTest("test('other', () => {}); const name = 'a b';", 'a b')).toBe(false);
});
