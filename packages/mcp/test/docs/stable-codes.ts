import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseSync } from 'rolldown/experimental';

/** Where a code was found, for the message of a test that fails. */
export type FoundCodes = ReadonlyMap<string, string>;

type Node = Readonly<Record<string, unknown>>;

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function childrenOf(node: Node): Node[] {
  return Object.values(node).flatMap((value) =>
    Array.isArray(value) ? value.filter(isNode) : isNode(value) ? [value] : [],
  );
}

/** The text of a string literal, also as a type; undefined for anything else. */
function literalText(value: unknown): string | undefined {
  if (!isNode(value)) return undefined;
  if (value['type'] === 'TSLiteralType') return literalText(value['literal']);
  if (value['type'] === 'TSAsExpression') return literalText(value['expression']);
  const text = value['type'] === 'Literal' ? value['value'] : undefined;
  return typeof text === 'string' ? text : undefined;
}

/** Literals of a union, a list (`as const`) or a single literal. */
function literalsIn(value: unknown): string[] {
  if (!isNode(value)) return [];
  const { type } = value;
  if (type === 'TSUnionType') return (value['types'] as unknown[]).flatMap(literalsIn);
  if (type === 'ArrayExpression') return (value['elements'] as unknown[]).flatMap(literalsIn);
  if (type === 'TSAsExpression') return literalsIn(value['expression']);
  if (type === 'TSTypeAnnotation') return literalsIn(value['typeAnnotation']);
  if (type === 'ConditionalExpression') {
    return [...literalsIn(value['consequent']), ...literalsIn(value['alternate'])];
  }
  if (type === 'LogicalExpression') return literalsIn(value['right']);
  const text = literalText(value);
  return text === undefined ? [] : [text];
}

function nameOf(value: unknown): string | undefined {
  return isNode(value) && typeof value['name'] === 'string' ? value['name'] : undefined;
}

const SHOUTED = /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$/;

function callCodes(node: Node): string[] {
  if (nameOf(node['callee'])?.endsWith('Error') !== true) return [];
  return (node['arguments'] as unknown[])
    .flatMap(literalsIn)
    .filter((text) => /^[A-Z_]+$/.test(text));
}

/** The literals under `key` of a member that is called `code`. */
function memberCodes(node: Node, key: string): string[] {
  return nameOf(node['key']) === 'code' ? literalsIn(node[key]) : [];
}

/** How a node of each type declares a code, or gives one to an error. */
const READERS: Readonly<Record<string, (node: Node) => string[]>> = {
  // type MapErrorCode = 'A' | 'B'
  TSTypeAliasDeclaration: (node) =>
    /Codes?$/.test(nameOf(node['id']) ?? '') ? literalsIn(node['typeAnnotation']) : [],
  // const errorCodes = ['A', 'B'] as const; const code = 'A'
  VariableDeclarator: (node) =>
    /(?:^c|C)odes?$/.test(nameOf(node['id']) ?? '') ? literalsIn(node['init']) : [],
  // class { readonly code = 'A'; readonly code: 'A' | 'B' }
  PropertyDefinition: (node) => [
    ...memberCodes(node, 'value'),
    ...memberCodes(node, 'typeAnnotation'),
  ],
  // constructor(what: string, code: Code = 'A')
  AssignmentPattern: (node) => (nameOf(node['left']) === 'code' ? literalsIn(node['right']) : []),
  // interface { readonly code: 'A' | 'B' }
  TSPropertySignature: (node) => memberCodes(node, 'typeAnnotation'),
  // { code: 'A' }
  Property: (node) => memberCodes(node, 'value'),
  // bridgeError(id, 'A', why), new UpstreamError('A', …)
  CallExpression: callCodes,
  NewExpression: callCodes,
  // any other literal that looks like a code
  Literal: (node) => [literalText(node) ?? ''].filter((text) => SHOUTED.test(text)),
};

/** Codes in one file, however deep. */
function codesIn(path: string): string[] {
  const codes: string[] = [];
  const waiting: Node[] = [parseSync(path, readFileSync(path, 'utf8')).program as unknown as Node];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    codes.push(...(READERS[String(node['type'])]?.(node) ?? []));
    waiting.push(...childrenOf(node));
  }
  return codes.filter((code) => /^[\w-]+$/.test(code));
}

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Everything in the sources below `folder` that is, or looks like, a stable code, with a file that has it. */
export function codesInSources(folder: string, leaveOut: (path: string) => boolean): FoundCodes {
  const found = new Map<string, string>();
  for (const path of sourceFiles(folder)) {
    if (!leaveOut(path)) for (const code of codesIn(path)) found.set(code, path);
  }
  return found;
}
