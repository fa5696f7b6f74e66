import { join } from 'node:path';
import { expect, test } from 'vitest';
import { EXIT_FAILED, EXIT_OK, EXIT_USAGE, exitCodeOfSignal } from '../../src/cli/exit-code.ts';
import { RPC } from '../../src/protocol/message.ts';
import { ALL_ERRORS, anchorOf, findError } from '../../src/protocol/errors/all-errors.ts';
import { repoRoot } from '../architecture/import-graph.ts';
import { codesInSources } from './stable-codes.ts';

/** Variables of the environment, codes of undici, of the system and of other formats: not ours to explain. */
const FOREIGN =
  /^(?:MCP|CORTEX|CONNECTORS|ASBR|OTEL|UND_ERR|NODE|SSL|XDG|LC|JAVA|PYTHON|HTTPS?|ALL|NO|PROCESSOR|GIT|DISABLE|ERR|LD|DYLD|NVIDIA|MALLOC|LISTEN|NOTIFY|XPC)_/;
const NOT_CODES = new Set(['EAI_AGAIN', 'custom', 'ENOTFOUND', 'INVOCATION_ID']);

const tables = join('protocol', 'errors');
const codes = new Map<string, string>();
for (const name of ['mcp', 'mcp-registry']) {
  const folder = join(repoRoot, 'packages', name, 'src');
  for (const [code, path] of codesInSources(folder, (file) => file.includes(tables)))
    codes.set(code, path);
}

test('codesInSources() sees unions, lists, fields, properties, arguments and what looks like a code', () => {
  const known = [
    'BREAKER_OPEN',
    'EREGISTRYLOST',
    'PINS_NEWER',
    'PENDING',
    'UNREACHABLE',
    'folder-open',
  ];
  expect(known.filter((code) => !codes.has(code))).toEqual([]);
  expect(codes.size).toBeGreaterThan(150);
});

test('every stable code of the sources has a meaning, causes and a remedy', () => {
  const missing = [...codes]
    .filter(
      ([code]) => !FOREIGN.test(code) && !NOT_CODES.has(code) && findError(code) === undefined,
    )
    .map(([code, path]) => `${code} (${path})`);
  expect(missing).toEqual([]);
});

test('every code that is explained exists in the sources', () => {
  const numbers = new Set(
    [...Object.values(RPC), EXIT_OK, EXIT_FAILED, EXIT_USAGE]
      .map(String)
      .concat(['SIGHUP', 'SIGINT', 'SIGTERM'].map((name) => String(exitCodeOfSignal(name)))),
  );
  const explained = ALL_ERRORS.flatMap((group) => Object.keys(group.codes));
  const orphans = explained.filter((code) => !codes.has(code) && !numbers.has(code));
  // Of the system, passed on as they are.
  expect(orphans.filter((code) => !['ENOENT'].includes(code))).toEqual([]);
  expect([...numbers].filter((code) => findError(code) === undefined)).toEqual([]);
});

test('each code stands in one group, and its facts fit their places', () => {
  const names = ALL_ERRORS.flatMap((group) => Object.keys(group.codes));
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  for (const group of ALL_ERRORS) {
    for (const [code, { meaning, causes, remedy }] of Object.entries(group.codes)) {
      expect([code, meaning.endsWith('.') || meaning.endsWith('…'), causes.length > 0]).toEqual([
        code,
        true,
        true,
      ]);
      // A remedy is one line of a terminal and ends up in the data of errors.
      expect([code, remedy.length > 5 && remedy.length <= 120, remedy.endsWith('.')]).toEqual([
        code,
        true,
        false,
      ]);
    }
  }
});

test('findError() takes any case and numbers without their minus', () => {
  expect(findError('breaker_open')?.name).toBe('BREAKER_OPEN');
  expect(findError('32010')?.name).toBe('-32010');
  expect(findError('2')?.name).toBe('2');
  expect(findError('toString')).toBeUndefined();
});

test('anchorOf() counts headings that differ in case only, as renderers of Markdown do', () => {
  const anchors = ALL_ERRORS.flatMap((group) => Object.keys(group.codes)).map(anchorOf);
  expect(new Set(anchors).size).toBe(anchors.length);
  expect([anchorOf('NOT_FOUND'), anchorOf('not_found')]).toEqual(['not_found', 'not_found-1']);
});
