import { asArray, asObject, asText, isObject, type JsonObject } from './json.ts';
import type { ConnectorFacts } from './overview.ts';

/** A tool as listed. Every text in it is the server's. */
export interface Tool {
  readonly name: string;
  /** The part of the name before `__`, which is the connector; empty when there is none. */
  readonly connector: string;
  readonly title: string | undefined;
  readonly description: string;
  readonly inputSchema: JsonObject;
  /** What the server says that it does, such as `read-only`; hints, not promises. */
  readonly hints: readonly string[];
  /** The listed object itself. */
  readonly listed: JsonObject;
  /** What it is found by, lower case. */
  readonly searchText: string;
}

const HINTS: readonly (readonly [string, boolean, string])[] = [
  ['readOnlyHint', true, 'read-only'],
  ['destructiveHint', true, 'destructive'],
  ['idempotentHint', true, 'idempotent'],
  ['openWorldHint', true, 'open world'],
];

export function readTool(listed: JsonObject): Tool {
  const name = asText(listed['name']) ?? '';
  const annotations = asObject(listed['annotations']);
  const title = asText(listed['title']) ?? asText(annotations['title']);
  const description = asText(listed['description']) ?? '';
  const cut = name.indexOf('__');
  return {
    name,
    connector: cut > 0 ? name.slice(0, cut) : '',
    title,
    description,
    inputSchema: asObject(listed['inputSchema']),
    hints: HINTS.flatMap(([key, value, word]) => (annotations[key] === value ? [word] : [])),
    listed,
    searchText: `${name} ${title ?? ''} ${description}`.toLowerCase(),
  };
}

/** Tools whose name, title or description has every word; names that begin with the search come first. */
export function searchTools(
  tools: readonly Tool[],
  search: string,
  connector: string,
): readonly Tool[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const kept = tools.filter(
    (one) =>
      (connector === '' || one.connector === connector) &&
      words.every((word) => one.searchText.includes(word)),
  );
  const [first] = words;
  if (first === undefined) return kept;
  const rank = (one: Tool): number => {
    const name = one.name.toLowerCase();
    if (name.startsWith(first) || name.includes(`__${first}`)) return 0;
    return name.includes(first) ? 1 : 2;
  };
  const ranked = kept.map((one) => ({ one, rank: rank(one) }));
  return ranked.toSorted((a, b) => a.rank - b.rank).map(({ one }) => one);
}

/** The connectors that offer tools, in order, with how many each has. */
export function toolConnectors(
  tools: readonly Tool[],
): readonly { readonly id: string; readonly count: number }[] {
  const counts = new Map<string, number>();
  for (const { connector } of tools) counts.set(connector, (counts.get(connector) ?? 0) + 1);
  const sorted = [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([id, count]) => ({ id, count }));
}

/** Another one when the tools to be read may be others, though they be as many as before. */
export function offeredMark(
  connectors: readonly Pick<ConnectorFacts, 'id' | 'counts' | 'listsDigest'>[],
): string {
  return connectors
    .filter(({ counts }) => counts.tools > 0)
    .map(({ id, counts, listsDigest }) => `${id} ${counts.tools} ${listsDigest}`)
    .join(', ');
}

/** One piece of a result's content. */
export type ContentPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'image'; readonly url: string; readonly mimeType: string }
  | { readonly kind: 'other'; readonly type: string; readonly json: JsonObject };

/** Image types that a browser draws without running anything in them. */
const IMAGES: ReadonlySet<string> = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp']);
const BASE64 = /^[A-Za-z0-9+/\s]*={0,2}\s*$/;

function readPart(json: JsonObject): ContentPart {
  const type = asText(json['type']) ?? 'unknown';
  const text = asText(json['text']);
  if (type === 'text' && text !== undefined) return { kind: 'text', text };
  const data = asText(json['data']);
  const mimeType = asText(json['mimeType']) ?? '';
  if (type === 'image' && data !== undefined && IMAGES.has(mimeType) && BASE64.test(data)) {
    return { kind: 'image', url: `data:${mimeType};base64,${data}`, mimeType };
  }
  return { kind: 'other', type, json };
}

/** The content of a `tools/call` result. */
export function contentParts(result: JsonObject): readonly ContentPart[] {
  return asArray(result['content']).filter(isObject).map(readPart);
}
