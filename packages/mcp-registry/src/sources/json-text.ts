import { parseTree, printParseErrorCode, type Node, type ParseError } from 'jsonc-parser';
import { SourceError } from './source-error.ts';

/** The largest file that is read. Claude Code keeps its history beside its servers. */
export const maxSourceBytes: number = 64 * 1024 * 1024;

const maxDepth = 64;

function valueOf(node: Node, depth: number): unknown {
  if (depth > maxDepth)
    throw new SourceError('EFORMAT', `the JSON nests deeper than ${maxDepth} levels`);
  if (node.type === 'array') return (node.children ?? []).map((item) => valueOf(item, depth + 1));
  if (node.type !== 'object') {
    const scalar: unknown = node.value;
    return scalar;
  }
  const members: [string, unknown][] = [];
  for (const property of node.children ?? []) {
    const [name, value] = property.children ?? [];
    if (name !== undefined && value !== undefined)
      members.push([String(name.value), valueOf(value, depth + 1)]);
  }
  // Built from entries because assignment to `__proto__` would lose the member.
  return Object.fromEntries(members);
}

function treeOf(text: string, errors: ParseError[]): Node | undefined {
  try {
    return parseTree(text, errors, { allowTrailingComma: true });
  } catch (error) {
    throw new SourceError('EFORMAT', 'the JSON nests too deeply', { cause: error });
  }
}

/**
 * Reads JSON with comments and trailing commas, as VS Code writes it.
 * @throws SourceError `EFORMAT` naming the line, `ETOOLARGE` above {@link maxSourceBytes}.
 */
export function parseJsonText(given: string): unknown {
  const text = given.startsWith('\uFEFF') ? given.slice(1) : given;
  if (text.length > maxSourceBytes)
    throw new SourceError('ETOOLARGE', `the text is larger than ${maxSourceBytes} bytes`);
  const errors: ParseError[] = [];
  const root = treeOf(text, errors);
  const [first] = errors;
  if (first !== undefined) {
    const line = text.slice(0, first.offset).split('\n').length;
    const what = printParseErrorCode(first.error);
    throw new SourceError('EFORMAT', `the JSON is not valid on line ${line} (${what})`);
  }
  if (root === undefined) throw new SourceError('EFORMAT', 'the file is empty');
  return valueOf(root, 0);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(
    members
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]: [string, unknown]) => [key, sorted(member)]),
  );
}

/** Whether two JSON values are the same, whatever the order of their members. */
export function sameJson(a: unknown, b: unknown): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}
