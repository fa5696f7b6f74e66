/**
 * What must not reach a terminal as it is: DEL, C1 and what turns a line around or ends it elsewhere than at its end.
 * JSON itself writes the lower control characters as escapes.
 */
const STEERING = /[\u007f-\u009f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069\ufeff]/;
const ALL_STEERING = new RegExp(STEERING, 'g');

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** A line of JSON in which texts of others cannot steer a terminal (S16): the same value, written otherwise. */
export function safeLogLine(line: string): string {
  return STEERING.test(line) ? line.replaceAll(ALL_STEERING, escaped) : line;
}

/** Text on a terminal: what would steer it is shown as an escape; lines and tabs stay where `lines` says so. */
function shown(text: string, lines: boolean): string {
  return text.replaceAll(
    /[^\P{Cc}\t]|[\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069\ufeff]/gu,
    (character) => (lines && character === '\n' ? character : escaped(character)),
  );
}

function shownValue(key: string, value: unknown): unknown {
  if (typeof value === 'string') return shown(value, key === 'stack');
  if (Array.isArray(value)) return value.map((one) => shownValue('', one));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [shown(name, false), shownValue(name, member)]),
  );
}

/** A log record for people: its texts unable to fake a line or to steer the terminal (S16). */
export function safeLogRecord(line: string): unknown {
  try {
    return shownValue('', JSON.parse(line));
  } catch {
    // Not a record: the line itself, made safe.
    return shown(line.trimEnd(), false);
  }
}
