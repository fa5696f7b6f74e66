/** Longer texts are shown side by side without looking for what they have in common. */
const MAX_LINES = 2_000;
/** Lines around a change. */
const CONTEXT = 2;

/** What shows nothing, or would steer a terminal or turn a line around, by its number. */
const UNSEEN =
  /[^\P{C}\n]|\u034f|\u17b4|\u17b5|\u180b|\u180c|\u180d|\u180f|[\ufe00-\ufe0f]|[\u{e0100}-\u{e01ef}]|[\u115f\u1160\u180e\u3164\uffa0\u2028\u2029]/gu;

/** Text in which every character can be seen. */
export function visibleText(text: string): string {
  return text.replaceAll(
    UNSEEN,
    (character) =>
      `<U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}>`,
  );
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, member]) => [key, sorted(member)]));
}

/** A definition as lines: keys in order, long texts by their own lines. */
export function shownDefinition(text: string | undefined): readonly string[] {
  if (text === undefined) return [];
  const pretty = JSON.stringify(sorted(JSON.parse(text)), undefined, 2);
  // Descriptions have lines of their own, which are what changes.
  return pretty.split('\n').flatMap((line) => visibleText(line).split('\\n'));
}

/** Lengths of the longest common part, from each pair of places to the end. */
function commonLengths(a: readonly string[], b: readonly string[]): Uint16Array[] {
  const rows = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const next = rows[i + 1];
      const row = rows[i];
      if (row === undefined || next === undefined) continue;
      row[j] = a[i] === b[j] ? (next[j + 1] ?? 0) + 1 : Math.max(next[j] ?? 0, row[j + 1] ?? 0);
    }
  }
  return rows;
}

function removed(lines: readonly string[]): string[] {
  return lines.map((line) => `- ${line}`);
}

function added(lines: readonly string[]): string[] {
  return lines.map((line) => `+ ${line}`);
}

function merged(a: readonly string[], b: readonly string[]): string[] {
  if (a.length > MAX_LINES || b.length > MAX_LINES) return [...removed(a), ...added(b)];
  const common = commonLengths(a, b);
  const lines: string[] = [];
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      lines.push(`  ${a[i]}`);
      i += 1;
      j += 1;
    } else if ((common[i + 1]?.[j] ?? 0) >= (common[i]?.[j + 1] ?? 0)) {
      lines.push(`- ${a[i]}`);
      i += 1;
    } else {
      lines.push(`+ ${b[j]}`);
      j += 1;
    }
  }
  return [...lines, ...removed(a.slice(i)), ...added(b.slice(j))];
}

/** How `after` differs from `before`: lines that begin with `-`, `+` or two spaces, and `…` where nothing changed. */
export function diffLines(before: readonly string[], after: readonly string[]): readonly string[] {
  const lines = merged(before, after);
  const shown = lines.map((_, index) =>
    lines
      .slice(Math.max(0, index - CONTEXT), index + CONTEXT + 1)
      .some((line) => !line.startsWith(' ')),
  );
  return lines.flatMap((line, index) => {
    if (shown[index] === true) return line;
    return shown[index - 1] === true ? '  …' : [];
  });
}
