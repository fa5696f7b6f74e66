/** What can still be told of a message that cannot be read as JSON-RPC. */
export interface Glimpse {
  /** Its id, as far as it can be made out; null when the message itself says so. */
  readonly id: number | string | null | undefined;
  /** It has a method: it is the server's own. */
  readonly hasMethod: boolean;
  /** It looks like the answer to something. */
  readonly isAnswer: boolean;
}

const KEY = /\s*"([^"\\]{0,32})"\s*:\s*/y;
const ID = /(?:-?\d{1,15}|"(?:[^"\\]|\\.){0,64}"|null)(?=\s*[,}]|$)/y;
/** Where servers write the id last, what is broken before it need not matter. */
const LAST_ID = /"id"\s*:\s*(-?\d{1,15})\s*\}\s*$/;

/** One past the end of the value at `start`, or the length of the text; the text need not be JSON. */
function afterValue(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const c = text[at];
    if (c === '"') {
      at = closingQuote(text, at);
    } else if (c === '{' || c === '[') {
      depth += 1;
    } else if (c === '}' || c === ']') {
      if (depth === 0) return at;
      depth -= 1;
    } else if (c === ',' && depth === 0) {
      return at;
    }
  }
  return text.length;
}

function closingQuote(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '"') return at;
  }
  return text.length;
}

function idAt(text: string, at: number): Glimpse['id'] {
  ID.lastIndex = at;
  const raw = ID.exec(text)?.[0];
  if (raw === undefined) return undefined;
  const id: unknown = JSON.parse(raw);
  return typeof id === 'number' || typeof id === 'string' || id === null ? id : undefined;
}

/** The keys of the outermost object, as far as they can be made out, each with where its value begins. */
function outerKeys(text: string): ReadonlyMap<string, number> {
  const keys = new Map<string, number>();
  let at = text.indexOf('{') + 1;
  while (at < text.length) {
    KEY.lastIndex = at;
    const [whole, key] = KEY.exec(text) ?? [];
    if (whole === undefined || key === undefined) break;
    const value = at + whole.length;
    if (!keys.has(key)) keys.set(key, value);
    at = afterValue(text, value) + 1;
  }
  return keys;
}

/** Looks at the outermost members of a text that begins with a brace, whatever is wrong with it. */
export function glimpse(text: string): Glimpse {
  const keys = outerKeys(text);
  const idStart = keys.get('id');
  const id = idStart === undefined ? undefined : idAt(text, idStart);
  if (keys.has('method')) return { id, hasMethod: true, isAnswer: false };
  const last = LAST_ID.exec(text)?.[1];
  return {
    id: id ?? (last === undefined ? id : Number(last)),
    hasMethod: false,
    isAnswer: keys.has('result') || keys.has('error'),
  };
}
