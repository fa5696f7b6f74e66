import { safeText } from './terminal-text.ts';

/** One line that goes or comes. */
export interface DiffLine {
  readonly sign: '-' | '+';
  readonly text: string;
}

const MAX_LINE = 400;
/** A string, and what makes it a member's name. */
const STRING = /("(?:[^"\\]|\\.)*"?|'[^']*'?)(\s*[:=])?/gu;

/** An address of this machine without user info or query. */
const HARMLESS = /^.https?:\/\/(?:127\.0\.0\.1|localhost)(?::\d+)?\/[\w/-]*.$/u;

/** Every string in a value, its members' names excepted. */
function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(stringsIn);
}

/** A line of somebody's file, without the values of his that may be secrets. */
function masked(line: string, known: ReadonlySet<string>): string {
  const shown = line
    .replaceAll('\t', '  ')
    .replaceAll(STRING, (whole, quoted: string, name: string | undefined) =>
      name !== undefined || known.has(quoted.slice(1, -1)) || HARMLESS.test(quoted)
        ? whole
        : '"***"',
    );
  const text = safeText(shown);
  const indent = /^\s*/u.exec(shown)?.[0].length ?? 0;
  const indented = ' '.repeat(Math.min(indent, 40)) + text;
  return indented.length <= MAX_LINE ? indented : `${indented.slice(0, MAX_LINE - 1)}…`;
}

/** Length of what two lists begin with. */
function common(a: readonly string[], b: readonly string[]): number {
  const limit = Math.min(a.length, b.length);
  let count = 0;
  while (count < limit && a[count] === b[count]) count += 1;
  return count;
}

/**
 * The lines in which two texts differ, from the first to the last of them. Values are shown as `"***"` unless they are
 * in `entry`: whatever else stands there is the user's and may be secret.
 * @param entry what is written, with secrets already masked.
 */
export function diffLines(before: string, after: string, entry: unknown): readonly DiffLine[] {
  const known = new Set(stringsIn(entry).map((text) => JSON.stringify(text).slice(1, -1)));
  const old = before === '' ? [] : before.replace(/\r?\n$/u, '').split(/\r?\n/u);
  const next = after === '' ? [] : after.replace(/\r?\n$/u, '').split(/\r?\n/u);
  const head = common(old, next);
  const tail = common(old.slice(head).toReversed(), next.slice(head).toReversed());
  const line = (sign: '-' | '+') => (text: string) => ({ sign, text: masked(text, known) });
  return [
    ...old.slice(head, old.length - tail).map(line('-')),
    ...next.slice(head, next.length - tail).map(line('+')),
  ];
}
