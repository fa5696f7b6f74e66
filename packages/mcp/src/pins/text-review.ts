import { MAX_DESCRIPTION_LENGTH, oddName, oddText, skeleton, type OddText } from './odd-text.ts';

/** An item of a list as a review sees it: its name, URI or template, and its raw JSON. */
export interface ReviewedItem {
  readonly id: string;
  readonly text: string;
}

/** One thing that is odd about what a connector offers. */
export interface TextFlag {
  /** `tools`, `prompts`, … or `instructions`. */
  readonly list: string;
  /** The connector's own name of the item. */
  readonly name: string;
  /** Where in it, e.g. `inputSchema.properties.path.description`. */
  readonly where: string;
  readonly odd: readonly OddText[];
}

/** Names that a tool's description speaks of, which may be another connector's tools. */
export interface Mentions {
  readonly name: string;
  readonly words: ReadonlySet<string>;
}

export interface TextReview {
  readonly flags: readonly TextFlag[];
  /** Flags beyond those that are kept. */
  readonly more: number;
  readonly mentions: readonly Mentions[];
}

/** Flags that are kept of one connector, strings that are looked at in one item, words that are kept of one. */
const MAX_FLAGS = 100;
const MAX_STRINGS = 2_000;
const MAX_WORDS = 200;
/** Raw JSON of an item that is parsed to be looked at; what is longer is flagged for that. */
const MAX_PARSED = 262_144;
/** Longest description in which names are looked for; what is longer is flagged for that. */
const MAX_MENTION_TEXT = 32_768;
/** Words and what joins them. Every repetition is bounded, so that no text makes it look twice at much of it (S10). */
const WORD = /[A-Za-z][A-Za-z0-9]{0,127}(?:[_.-]{1,8}[A-Za-z0-9]{1,128}){0,16}/g;
/** What could name a tool and is hardly a word of a language: it has a separator or a capital inside. */
const NAME_LIKE = /[_.-]|^[a-z]{1,128}[A-Z]/;

/** Raw JSON in which nothing can be odd: visible ASCII, no escape of another character, nothing long. */
function isPlain(text: string): boolean {
  return (
    text.length <= MAX_DESCRIPTION_LENGTH &&
    /^[\x20-\x7e\t\n\r]*$/.test(text) &&
    !/\\[ubf]/.test(text)
  );
}

type Visit = (where: string, text: string) => void;

function visitStrings(value: unknown, visit: Visit): void {
  let left = MAX_STRINGS;
  const walk = (node: unknown, where: string): void => {
    if (left <= 0) return;
    if (typeof node === 'string') {
      left -= 1;
      visit(where, node);
    } else if (typeof node === 'object' && node !== null) {
      for (const [key, member] of Object.entries(node)) {
        const inner = where === '' ? key : `${where}.${key}`;
        if (!Array.isArray(node)) visit(`${inner} (key)`, key);
        walk(member, inner);
      }
    }
  };
  walk(value, '');
}

function wordsOf(text: string): ReadonlySet<string> {
  const words = new Set<string>();
  for (const { 0: word } of text.matchAll(WORD)) {
    if (words.size >= MAX_WORDS) break;
    if (NAME_LIKE.test(word)) words.add(word);
  }
  return words;
}

/** Before the values of `"description"` in raw JSON, wherever they stand. */
const DESCRIPTION = /"description"\s*:\s*"/g;
/** A string of raw JSON up to its closing quote. */
const UNTIL_QUOTE = /^(?:[^"\\]|\\.)*/;

function mentionsOf({ id, text }: ReviewedItem): Mentions | undefined {
  let all = '';
  for (const { 0: key, index } of text.matchAll(DESCRIPTION)) {
    if (all.length >= MAX_MENTION_TEXT) break;
    const start = index + key.length;
    const [said] = UNTIL_QUOTE.exec(text.slice(start, start + MAX_MENTION_TEXT)) ?? [''];
    all += ` ${said}`;
  }
  const words = wordsOf(all);
  return words.size === 0 ? undefined : { name: id, words };
}

class Flags {
  readonly kept: TextFlag[] = [];
  more = 0;

  add(list: string, name: string, where: string, odd: readonly OddText[]): void {
    if (odd.length === 0) return;
    if (this.kept.length < MAX_FLAGS)
      this.kept.push({ list, name, where: where.slice(0, 200), odd });
    else this.more += 1;
  }
}

function reviewItem(list: string, item: ReviewedItem, flags: Flags): void {
  flags.add(list, item.id, 'name', oddName(item.id));
  if (isPlain(item.text)) return;
  if (item.text.length > MAX_PARSED) {
    flags.add(list, item.id, '', ['long']);
    return;
  }
  visitStrings(JSON.parse(item.text), (where, text) => {
    // The name has been judged as one.
    if (text !== item.id || where.endsWith('description'))
      flags.add(list, item.id, where, oddText(text));
  });
}

function flagLookalikes(tools: readonly ReviewedItem[], flags: Flags): void {
  const seen = new Map<string, string>();
  for (const { id } of tools) {
    const shape = skeleton(id);
    const other = seen.get(shape);
    // Names that differ in nothing but ASCII letters, digits and case are how people name things.
    const odd = other !== undefined && (/[^\x20-\x7e]/.test(id) || /[^\x20-\x7e]/.test(other));
    if (odd) flags.add('tools', id, `name (as ${other})`, ['lookalike']);
    else if (other === undefined) seen.set(shape, id);
  }
}

/**
 * Looks for what is odd about the texts of one connector. Pauses after each item.
 * @param lists its items by list.
 */
export function* reviewTexts(
  lists: Readonly<Record<string, readonly ReviewedItem[]>>,
  instructions: string | undefined,
): Generator<void, TextReview, void> {
  const flags = new Flags();
  const mentions: Mentions[] = [];
  if (instructions !== undefined) {
    flags.add('instructions', '', 'instructions', oddText(instructions));
  }
  for (const [list, items] of Object.entries(lists)) {
    for (const item of items) {
      reviewItem(list, item, flags);
      const mentioned = list === 'tools' ? mentionsOf(item) : undefined;
      if (mentioned !== undefined) mentions.push(mentioned);
      yield;
    }
  }
  flagLookalikes(lists['tools'] ?? [], flags);
  return { flags: flags.kept, more: flags.more, mentions };
}

/** The descriptions of a connector that name a tool of another; `ownerOf` says whose a name is. */
export function crossMentions(
  connectorId: string,
  mentions: readonly Mentions[],
  ownerOf: (word: string) => string | undefined,
): readonly TextFlag[] {
  const found: TextFlag[] = [];
  for (const { name, words } of mentions) {
    for (const word of words) {
      const owner = ownerOf(word);
      if (owner === undefined || owner === connectorId || found.length >= MAX_FLAGS) continue;
      found.push({
        list: 'tools',
        name,
        where: `description (${word})`,
        odd: ['names-other-tool'],
      });
    }
  }
  return found;
}
