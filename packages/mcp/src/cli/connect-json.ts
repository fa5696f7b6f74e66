import { findNodeAtLocation, getNodeValue, type Node, parseTree } from 'jsonc-parser';

const OPTIONS = { allowTrailingComma: true } as const;

function eolOf(text: string): string {
  return text.includes('\r\n') ? '\r\n' : '\n';
}

/** The white space that a line begins with. */
function indentAt(text: string, offset: number): string {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  return /^[ \t]*/u.exec(text.slice(start))?.[0] ?? '';
}

/** One step of indentation, as the file has it. */
function unitOf(text: string): string {
  const first = /\n([ \t]+)\S/u.exec(text)?.[1];
  if (first === undefined) return '  ';
  return first.startsWith('\t') ? '\t' : first;
}

function memberText(key: string, value: unknown, style: { indent: string; unit: string }): string {
  const lines = JSON.stringify(value, undefined, style.unit).split('\n');
  return `${JSON.stringify(key)}: ${lines.join(`\n${style.indent}`)}`;
}

/** Where a comma behind `offset` ends, white space and comments before it skipped; undefined without one. */
function commaAfter(text: string, offset: number): number | undefined {
  const gap = /^(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*,/u.exec(text.slice(offset))?.[0];
  return gap === undefined ? undefined : offset + gap.length;
}

/** The end of a comment that follows on the same line, where a new line can begin. */
function restOfLine(text: string, offset: number): number {
  return (
    offset +
    (/^[ \t]*(?:\/\/[^\r\n]*|\/\*[^\n]*?\*\/[ \t]*)?(?=\r?\n)/u.exec(text.slice(offset))?.[0]
      .length ?? 0)
  );
}

interface Member {
  readonly key: string;
  readonly value: unknown;
}

/** Behind the last member: on a line of its own, or on the line that the whole object stands on. */
function append(text: string, object: Node, last: Node, { key, value }: Member): string {
  const end = last.offset + last.length;
  const comma = commaAfter(text, end);
  const oneLine = !text.slice(object.offset, end).includes('\n');
  if (oneLine) {
    const member = `${JSON.stringify(key)}: ${JSON.stringify(value)}`;
    const at = comma ?? end;
    return `${text.slice(0, at)}${comma === undefined ? ',' : ''} ${member}${text.slice(at)}`;
  }
  const indent = indentAt(text, last.offset);
  const member = memberText(key, value, { indent, unit: unitOf(text) });
  const at = restOfLine(text, comma ?? end);
  const separator = comma === undefined ? `,${text.slice(end, at)}` : text.slice(end, at);
  const line = `\n${indent}${member}`.replaceAll('\n', eolOf(text));
  // A file that ends its lists with a comma goes on doing so.
  return `${text.slice(0, end)}${separator}${line}${comma === undefined ? '' : ','}${text.slice(at)}`;
}

/** Into an object without members; comments in it stay. */
function fill(text: string, object: Node, { key, value }: Member): string {
  const outer = indentAt(text, object.offset);
  const unit = unitOf(text);
  const member = memberText(key, value, { indent: outer + unit, unit });
  const inner = text.slice(object.offset + 1, object.offset + object.length - 1);
  const close = inner.includes('\n') ? '' : `\n${outer}`;
  const lines = `\n${outer}${unit}${member}${close}`.replaceAll('\n', eolOf(text));
  const at = object.offset + 1;
  const kept = inner.trim() === '' && close !== '' ? text.slice(at + inner.length) : text.slice(at);
  return text.slice(0, at) + lines + kept;
}

function insert(text: string, object: Node, member: Member): string {
  const last = object.children?.at(-1);
  return last === undefined ? fill(text, object, member) : append(text, object, last, member);
}

/**
 * The text of a JSON file, with comments and as its author wrote it, with one more member in the object `holder` of its
 * root, which is made where there is none. Every other byte stays.
 * @returns undefined when there is no place for it: the root or the holder is no object, or has the member already.
 */
export function insertJsonMember(
  text: string,
  holder: string,
  { key, value }: Member,
): string | undefined {
  const mark = text.startsWith('\uFEFF') ? '\uFEFF' : '';
  const plain = text.slice(mark.length);
  if (plain.trim() === '') {
    return `${mark}${JSON.stringify({ [holder]: { [key]: value } }, undefined, 2)}\n`;
  }
  const root = parseTree(plain, [], OPTIONS);
  if (root?.type !== 'object') return undefined;
  const object = findNodeAtLocation(root, [holder]);
  if (object === undefined) {
    return mark + insert(plain, root, { key: holder, value: { [key]: value } });
  }
  const isFree = object.type === 'object' && findNodeAtLocation(object, [key]) === undefined;
  return isFree ? mark + insert(plain, object, { key, value }) : undefined;
}

/** The value of a JSON file, comments and trailing commas allowed. */
export function jsonValue(text: string): unknown {
  const root = parseTree(text.replace(/^\uFEFF/u, ''), [], OPTIONS);
  const value: unknown = root === undefined ? undefined : getNodeValue(root);
  return value;
}
