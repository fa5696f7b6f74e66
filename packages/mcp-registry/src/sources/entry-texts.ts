import { isJsonObject } from '../json-object.ts';

/** An entry that cannot be a record; the message says why and quotes no value. */
export class UnusableEntry extends Error {}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

/** A list of texts; numbers and switches become texts. @throws UnusableEntry */
export function texts(value: unknown, what: string): string[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) throw new UnusableEntry(`${what} is not an array`);
  return value.map((item) => {
    const text = textOf(item);
    if (text === undefined) throw new UnusableEntry(`${what} holds something that is not text`);
    return text;
  });
}

/** Texts by name. */
interface NamedTexts {
  readonly values: Record<string, string> | undefined;
  /** Names whose value is `null`. */
  readonly unset: string[];
}

/** Texts by name, as `env` and `headers` are. @throws UnusableEntry */
export function namedTexts(value: unknown, what: string): NamedTexts {
  if (value === undefined || value === null) return { values: undefined, unset: [] };
  if (!isJsonObject(value)) throw new UnusableEntry(`${what} is not an object`);
  const entries: [string, string][] = [];
  const unset: string[] = [];
  for (const [name, item] of Object.entries(value)) {
    const text = textOf(item);
    if (text !== undefined) entries.push([name, text]);
    else if (item === null) unset.push(name);
    else throw new UnusableEntry(`${name} in ${what} is not text`);
  }
  return { values: Object.fromEntries(entries), unset };
}

/** A text, or `undefined` where there is none. @throws UnusableEntry */
export function optionalText(value: unknown, what: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw new UnusableEntry(`${what} is not text`);
  return value;
}
