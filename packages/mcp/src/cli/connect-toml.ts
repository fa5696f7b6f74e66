import { scanToml, SourceError, type TomlStatement } from '@cortex-os/mcp-registry';

function startsWith(path: readonly string[], prefix: readonly string[]): boolean {
  return prefix.every((key, index) => path[index] === key);
}

function tomlKey(key: string): string {
  return /^[\w-]+$/u.test(key) ? key : JSON.stringify(key);
}

function tomlValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(tomlValue).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(
      ([key, one]) => `${tomlKey(key)} = ${tomlValue(one)}`,
    );
    return `{ ${members.join(', ')} }`;
  }
  // Strings of JSON are strings of TOML but for DEL, which TOML wants as an escape.
  return JSON.stringify(value).replaceAll('\u007F', String.raw`\u007F`);
}

/** Members of an entry as a table. */
function tableText(path: readonly string[], entry: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(entry).map(
    ([key, value]) => `${tomlKey(key)} = ${tomlValue(value)}`,
  );
  return `[${path.map(tomlKey).join('.')}]\n${lines.join('\n')}\n`;
}

/** The span of each table below `path`; blank lines at the end of one belong to what follows. */
function sections(all: readonly TomlStatement[], path: readonly string[]): [number, number][] {
  const spans: [number, number][] = [];
  let inside = false;
  for (const { kind, path: own, start, end } of all) {
    if (kind === 'header' || kind === 'item') {
      inside = startsWith(own, path);
      if (inside) spans.push([start, end]);
    } else if (kind === 'value' && inside) {
      const last = spans.at(-1);
      if (last !== undefined) last[1] = end;
    }
  }
  return spans;
}

function refuseInline(all: readonly TomlStatement[], path: readonly string[]): void {
  let table: readonly string[] = [];
  for (const { kind, path: own } of all) {
    if (kind === 'header' || kind === 'item') table = own;
    if (kind !== 'value' || startsWith(table, path)) continue;
    const covers = startsWith(own, path) || startsWith(path, own);
    if (covers)
      throw new SourceError(
        'EFORMAT',
        `${own.join('.')} is not written as a table; add the entry by hand`,
      );
  }
}

/** The text of the table at `path` and those below it, as written; `undefined` when there is none. @throws SourceError */
export function tomlTable(text: string, path: readonly string[]): string | undefined {
  const spans = sections(scanToml(text), path);
  if (spans.length === 0) return undefined;
  return spans.map(([start, end]) => text.slice(start, end)).join('');
}

/**
 * The text with the table at `path` put in place of the one that is there, or at its end; everything else stays byte
 * for byte.
 * @param table its members, or text that `tomlTable` gave; `undefined` removes it.
 * @throws SourceError naming the line, or the place where the table is written in another way.
 */
export function putTomlTable(
  text: string,
  path: readonly string[],
  table: Readonly<Record<string, unknown>> | string | undefined,
): string {
  const all = scanToml(text);
  refuseInline(all, path);
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  const plain = typeof table === 'object' ? tableText(path, table).replaceAll('\n', eol) : table;
  const spans = sections(all, path);
  const [first] = spans;
  if (first === undefined) {
    if (plain === undefined) return text;
    const gap = text.trim() === '' ? '' : text.endsWith('\n') ? eol : eol + eol;
    return text + gap + plain;
  }
  let next = '';
  let at = 0;
  for (const [start, end] of spans) {
    next += text.slice(at, start);
    if (start === first[0]) next += plain ?? '';
    at = end;
  }
  return next + text.slice(at);
}
