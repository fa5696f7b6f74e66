import { setImmediate as nextTurn } from 'node:timers/promises';
import pLimit from 'p-limit';
import { mergeCacheHints, readCacheHint, type CacheHint } from '../protocol/cache-hint.ts';
import { arrayElements, findMember, objectMembers } from '../protocol/json-scan.ts';
import { LIST_KINDS, LIST_SHAPES, type ListKind } from '../protocol/list-kind.ts';
import type { JsonObject } from '../protocol/message.ts';
import type { Upstream, UpstreamInfo } from '../upstream/upstream.ts';
import { UpstreamError } from '../upstream/upstream-error.ts';
import { readHeaderParams } from '../protocol/param-header.ts';
import { isLarge, parseShallow } from '../protocol/shallow-json.ts';
import { manifestDigest } from './manifest-digest.ts';
import { readItem, type ItemReading, type ManifestItem } from './manifest-item.ts';
import { inLine, sharedPace } from '../protocol/pace.ts';

export type { ManifestItem } from './manifest-item.ts';

/** What one connector offers. Immutable. */
export interface Manifest {
  readonly info: UpstreamInfo;
  readonly lists: Readonly<Record<ListKind, readonly ManifestItem[]>>;
  readonly hint: CacheHint;
  /** Changes when anything a client could see changes. */
  readonly digest: string;
  /** What was left out and why, one sentence each. */
  readonly warnings: readonly string[];
}

function textOf({ text }: ManifestItem): string {
  return text;
}

/** The raw JSON of the items of each list. */
export function textsOf(lists: Manifest['lists']): Readonly<Record<ListKind, readonly string[]>> {
  return {
    tools: lists.tools.map(textOf),
    prompts: lists.prompts.map(textOf),
    resources: lists.resources.map(textOf),
    resourceTemplates: lists.resourceTemplates.map(textOf),
  };
}

/** Bounds on what one connector may offer (contract.md, sizes). */
export interface ManifestLimits {
  /** Items of one kind that are looked at; the rest is left out with a warning. Default 1000. */
  readonly maxItems: number;
  /** Pages of one list; more is an error. Default 100. */
  readonly maxPages: number;
  /** Nesting of one item; a deeper one is left out with a warning. Default 64. */
  readonly maxDepth: number;
}
export const DEFAULT_MANIFEST_LIMITS: ManifestLimits = {
  maxItems: 1_000,
  maxPages: 100,
  maxDepth: 64,
};

export interface FetchManifestOptions {
  readonly signal: AbortSignal;
  /** For each list, all its pages. */
  readonly timeoutMs: number;
  readonly limits?: ManifestLimits;
  /** What it offered last: a list that had items and is now said not to exist fails, and stays (M7). Default: nothing. */
  readonly known?: Pick<Manifest, 'lists'> | undefined;
  /** Requests under way at a time, at least one. Default: one for each kind of list. */
  readonly concurrency?: number | undefined;
}

interface ListResult {
  readonly items: readonly ManifestItem[];
  readonly hints: readonly CacheHint[];
  readonly warnings: readonly string[];
}

const NO_LIST: ListResult = { items: [], hints: [], warnings: [] };

interface ListContext {
  readonly upstream: Upstream;
  readonly info: UpstreamInfo;
  readonly options: FetchManifestOptions;
  readonly limits: ManifestLimits;
}

const METHOD_NOT_FOUND = -32601;

/**
 * Asks a connected upstream for everything it offers: the lists at the same time, the pages of a list in turn.
 * All or nothing: a page that fails fails the whole.
 * @throws UpstreamError in phase `list`.
 */
export async function fetchManifest(
  upstream: Upstream,
  info: UpstreamInfo,
  options: FetchManifestOptions,
): Promise<Manifest> {
  const limits = options.limits ?? DEFAULT_MANIFEST_LIMITS;
  const context: ListContext = { upstream, info, options, limits };
  // Handshakes that end together would otherwise be followed by hundreds of requests in one turn.
  await inLine();
  // A list asks for its pages one after the other, so as many lists are as many requests.
  const { concurrency = LIST_KINDS.length } = options;
  const bounded = concurrency < LIST_KINDS.length;
  const limit = bounded ? pLimit(Math.max(1, concurrency)) : undefined;
  const fetched = await Promise.all(
    LIST_KINDS.map(async (kind) => {
      if (!Object.hasOwn(info.capabilities, LIST_SHAPES[kind].capability)) return NO_LIST;
      const work = async (): Promise<ListResult> => await fetchList(kind, context);
      return await (limit === undefined ? work() : limit(work));
    }),
  );
  const [tools, prompts, resources, resourceTemplates] = fetched.map((list) => list.items);
  const lists = {
    tools: tools ?? [],
    prompts: prompts ?? [],
    resources: resources ?? [],
    resourceTemplates: resourceTemplates ?? [],
  };
  const hint = mergeCacheHints(fetched.flatMap((list) => list.hints));
  return {
    info,
    lists,
    hint,
    digest: await manifestDigest({ head: [info, hint.cacheScope], texts: textsOf(lists) }),
    warnings: fetched.flatMap((list) => list.warnings),
  };
}

async function fetchList(kind: ListKind, context: ListContext): Promise<ListResult> {
  const { maxItems } = context.limits;
  const items = new Map<string, ManifestItem>();
  const hints: CacheHint[] = [];
  const leftOut: LeftOut = new Map();
  const cursors = new Set<string>();
  const deadline = performance.now() + context.options.timeoutMs;
  let cursor: string | undefined;
  let seen = 0;
  do {
    const text = await requestPage(kind, cursor, deadline, context);
    if (text === undefined) {
      const warning = `${LIST_SHAPES[kind].method} is announced but not implemented`;
      return { items: [], hints, warnings: [warning] };
    }
    const result = parseResult(text, kind, context);
    hints.push(readCacheHint(result, context.info.era));
    const room = maxItems - seen;
    seen += await collectItems(text, kind, items, { leftOut, context, room });
    cursor = typeof result['nextCursor'] === 'string' ? result['nextCursor'] : undefined;
    if (cursor !== undefined) assertNewCursor(cursor, cursors, kind, context);
  } while (cursor !== undefined && seen < maxItems);
  const warnings = sentences(kind, leftOut);
  if (cursor !== undefined || seen > maxItems) warnings.push(tooMany(kind, context.limits));
  return { items: [...items.values()], hints, warnings };
}

async function requestPage(
  kind: ListKind,
  cursor: string | undefined,
  deadline: number,
  context: ListContext,
): Promise<string | undefined> {
  const params = cursor === undefined ? [] : [{ key: 'cursor', text: JSON.stringify(cursor) }];
  try {
    return await context.upstream.request(LIST_SHAPES[kind].method, params, {
      signal: context.options.signal,
      timeoutMs: Math.max(1, deadline - performance.now()),
    });
  } catch (error) {
    const unimplemented = error instanceof UpstreamError && error.rpcCode === METHOD_NOT_FOUND;
    // A server that is being deployed may say so too. Of one that never had the list, the others are still of use.
    const had = (context.options.known?.lists[kind].length ?? 0) > 0;
    if (unimplemented && cursor === undefined && !had) return undefined;
    throw error;
  }
}

function listError(message: string, context: ListContext, cause?: unknown): UpstreamError {
  const { connectorId } = context.upstream;
  return new UpstreamError('BAD_RESPONSE', message, { connectorId, phase: 'list', cause });
}

function assertNewCursor(
  cursor: string,
  seen: Set<string>,
  kind: ListKind,
  context: ListContext,
): void {
  const { method } = LIST_SHAPES[kind];
  if (seen.has(cursor)) throw listError(`${method} gave the same cursor twice`, context);
  seen.add(cursor);
  if (seen.size >= context.limits.maxPages) {
    throw listError(`${method} has more than ${context.limits.maxPages} pages`, context);
  }
}

function parseResult(text: string, kind: ListKind, context: ListContext): JsonObject {
  let value: unknown;
  try {
    value = parseShallow(text);
  } catch (cause) {
    throw listError(`${LIST_SHAPES[kind].method} was answered with invalid JSON`, context, cause);
  }
  const result = typeof value === 'object' && value !== null ? { ...value } : {};
  if (!(kind in result) || !Array.isArray(Reflect.get(result, kind))) {
    throw listError(`${LIST_SHAPES[kind].method} was answered without "${kind}"`, context);
  }
  return result;
}

const tooMany = (kind: ListKind, limits: ManifestLimits): string =>
  `more than ${limits.maxItems} ${kind}: the rest is left out`;

/** What was left out of a list, by reason: a sentence each, however many items it concerns. */
type LeftOut = Map<string, { count: number; readonly example: string }>;

function leaveOut(leftOut: LeftOut, why: string, example: string): void {
  const known = leftOut.get(why);
  if (known === undefined) leftOut.set(why, { count: 1, example: example.slice(0, 80) });
  else known.count += 1;
}

function sentences(kind: ListKind, leftOut: LeftOut): string[] {
  return [...leftOut].map(([why, { count, example }]) =>
    count === 1
      ? `${kind}: an item ${why} and is left out: ${example}`
      : `${kind}: ${count} items, each ${why}, are left out, e.g. ${example}`,
  );
}

/** Gives the event loop a turn, before the next look at text that is large. */
function nextTurnOf(text: string): Promise<void> | undefined {
  return isLarge(text) ? nextTurn() : undefined;
}

/** Adds the items of one page, skipping what cannot be routed. @returns how many it looked at. */
async function collectItems(
  text: string,
  kind: ListKind,
  items: Map<string, ManifestItem>,
  {
    leftOut,
    context,
    room,
  }: { readonly leftOut: LeftOut; readonly context: ListContext; readonly room: number },
): Promise<number> {
  // A page may be millions of tiny values: each look at the whole of it is a turn of its own.
  await nextTurnOf(text);
  const list = findMember(objectMembers(text), kind);
  await nextTurnOf(text);
  const elements = arrayElements(text, list?.start, Infinity, room + 1);
  for (const element of elements.slice(0, room)) {
    await sharedPace();
    const raw = text.slice(element.start, element.end);
    const reading = acceptable(readItem(raw, kind, context.limits.maxDepth), kind, context);
    if (reading.kind === 'refused') {
      leaveOut(leftOut, reading.why, raw);
    } else if (items.has(reading.item.id)) {
      leaveOut(leftOut, 'bears the name of an earlier one', JSON.stringify(reading.item.id));
    } else {
      items.set(reading.item.id, reading.item);
    }
  }
  return elements.length;
}

/** A modern tool whose header annotations break the rules must not be offered (spec 2026-07-28, basic/transports). */
function acceptable(reading: ItemReading, kind: ListKind, { info }: ListContext): ItemReading {
  if (reading.kind === 'refused' || kind !== 'tools' || info.era === 'legacy') return reading;
  const headers = readHeaderParams(reading.item.text);
  return headers.kind === 'valid' ? reading : { kind: 'refused', why: headers.why };
}
