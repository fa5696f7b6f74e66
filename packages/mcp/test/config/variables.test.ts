import { sep } from 'node:path';
import { expect, test } from 'vitest';
import { expandVariables, hasReference, type VariableScope } from '../../src/config/variables.ts';

const scope: VariableScope = {
  env: { A: '1', EMPTY: '', NESTED: '${A}', 'ProgramFiles(x86)': 'p' },
  home: '/home/u',
  workspaceFolder: '/work/project',
  inputs: new Map([['known', 'i']]),
};

test.each([
  ['plain $A', 'plain $A'],
  ['${A}-${A}', '1-1'],
  ['${env:A}', '1'],
  ['${env:ProgramFiles(x86)}', 'p'],
  ['${EMPTY}', ''],
  ['${EMPTY:-d}', 'd'],
  ['${NOPE:-}', ''],
  ['${NOPE:-a:-b}', 'a:-b'],
  ['${env:NOPE:-d}', 'd'],
  ['${NESTED}', '${A}'],
  ['${userHome}${/}x', `/home/u${sep}x`],
  ['${workspaceFolder} ${workspaceFolderBasename}${pathSeparator}', `/work/project project${sep}`],
  ['${input:known}', 'i'],
])('expandVariables(%j) is %j', (text, expanded) => {
  expect(expandVariables(text, scope)).toEqual({ text: expanded, unresolved: [] });
});

test.each(['${NOPE}', '${env:NOPE}', '${input:other}', '${command:pick}', '${}', '${a b}'])(
  'expandVariables(%j) leaves it and names it',
  (text) => {
    expect(expandVariables(`x${text}y`, scope)).toEqual({ text: `x${text}y`, unresolved: [text] });
  },
);

test('hasReference() tells references from plain text', () => {
  expect(hasReference('a${B}')).toBe(true);
  expect(hasReference('a$B')).toBe(false);
});
