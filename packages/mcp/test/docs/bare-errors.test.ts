import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { COMMAND_ERRORS } from '../../src/protocol/errors/command-errors.ts';
import { repoRoot } from '../architecture/import-graph.ts';
import { codesInSources } from './stable-codes.ts';

const source = join(repoRoot, 'packages/mcp/src');

/** Invariants: a bug of ours, reported as INTERNAL. `file: what follows new Error(`. */
const INVARIANTS: ReadonlySet<string> = new Set<string>([]);

const BARE = /new (?:Error|TypeError|RangeError|AggregateError)\((?<what>[^\n]*)/g;

function bareErrors(folder: string): string[] {
  return readdirSync(join(source, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => {
      const text = readFileSync(join(source, folder, name), 'utf8');
      return [...text.matchAll(BARE)].map(({ groups }) => `${folder}/${name}: ${groups?.['what']}`);
    });
}

test('no command fails with an error without a code, invariants aside (T4)', () => {
  const found = ['cli', 'proof'].flatMap(bareErrors);
  expect(found.filter((one) => !INVARIANTS.has(one))).toEqual([]);
  expect([...INVARIANTS].filter((one) => !found.includes(one))).toEqual([]);
});

test('every code of the command line is given to an error somewhere', () => {
  const declared = join('protocol', 'command-error.ts');
  const tables = join('protocol', 'errors');
  const used = codesInSources(source, (path) => path.endsWith(declared) || path.includes(tables));
  expect(Object.keys(COMMAND_ERRORS).filter((code) => !used.has(code))).toEqual([]);
});
