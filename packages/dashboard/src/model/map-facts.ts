import { formatCount, formatDuration } from './format.ts';
import { isObject, type JsonObject } from './json.ts';

/** `nextFetchInMs` → `next fetch in`: units are told by the value. */
function nameOf(key: string): string {
  return key
    .replace(/Ms$/, '')
    .replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
    .trim();
}

function textOf(key: string, value: unknown): string {
  if (value === null) return 'none';
  if (typeof value === 'number')
    return key.endsWith('Ms') ? formatDuration(value) : formatCount(value);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    return items.length === 0 ? 'none' : items.map((one) => textOf('', one)).join(', ');
  }
  if (!isObject(value)) return '';
  const parts = Object.entries(value).map(([name, one]) => `${nameOf(name)} ${textOf(name, one)}`);
  return parts.join(', ');
}

/** What the gateway says of the service map it follows, as names and texts that a person reads. */
export function mapFacts(map: JsonObject): readonly (readonly [name: string, text: string])[] {
  return Object.entries(map).map(([key, value]) => [nameOf(key), textOf(key, value)]);
}
