import type { CatalogView, PageKey } from '../catalog/catalog.ts';
import type { CacheHint } from '../protocol/cache-hint.ts';
import { MAX_TTL_MS } from '../protocol/cache-hint.ts';
import type { ListKind } from '../protocol/list-kind.ts';
import type { JsonObject, JsonRpcId } from '../protocol/message.ts';
import { META, type Era } from '../protocol/revision.ts';
import { nextCursorText } from './paging.ts';

/** What is left of a view's freshness now: the least of its parts, and private as soon as one part is. */
export function remainingHint(
  { freshness: { untilMs, cacheScope } }: Pick<CatalogView<unknown>, 'freshness'>,
  complete: boolean,
): CacheHint {
  const leftMs = complete ? Math.floor(untilMs - performance.now()) : 0;
  return { ttlMs: Math.min(MAX_TTL_MS, Math.max(0, leftMs)), cacheScope };
}

export interface ListAnswerOptions {
  readonly id: JsonRpcId;
  readonly era: Era;
  /** The page to answer with; undefined answers the whole list. */
  readonly page?: { readonly after: PageKey | undefined; readonly size: number } | undefined;
  /** False while the list is still growing: it must not be cached. */
  readonly complete: boolean;
  /** Only a modern answer says who gave it. Kept as text for as long as it is the same object. */
  readonly serverInfo: JsonObject;
  /** What is stale or missing, as JSON; undefined when nothing is. */
  readonly degraded: string | undefined;
}

/** Key of `_meta` of a list under which stale and missing connectors are named. */
export const DEGRADED_KEY = 'io.cortex-os/degraded';

/** A list answer: a head with the id and the cache hint, and the view's own bytes, not copied. */
export function listAnswer(
  view: CatalogView<unknown>,
  kind: ListKind,
  options: ListAnswerOptions,
): readonly Buffer[] {
  const { id, era, page } = options;
  const start = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{${membersOf(view, options)}`;
  const list = view.lists[kind];
  if (page === undefined) return [Buffer.from(start), list.bytes(era)];
  const part = list.page(page.after, page.size, era);
  return [Buffer.from(start + nextCursorText(kind, part)), part.bytes];
}

/** What servers say of themselves, serialised. */
const serverTexts = new WeakMap<JsonObject, string>();

function textOf(serverInfo: JsonObject): string {
  const known = serverTexts.get(serverInfo);
  if (known !== undefined) return known;
  const text = JSON.stringify(serverInfo);
  serverTexts.set(serverInfo, text);
  return text;
}

const SERVER_INFO_KEY = JSON.stringify(META.serverInfo);

/** What stands beside the list, each member with its comma. */
function membersOf(view: CatalogView<unknown>, options: ListAnswerOptions): string {
  const { degraded } = options;
  const trouble = degraded === undefined ? '' : `"${DEGRADED_KEY}":${degraded}`;
  if (options.era === 'legacy') return trouble === '' ? '' : `"_meta":{${trouble}},`;
  const { ttlMs, cacheScope } = remainingHint(view, options.complete);
  const who = `${SERVER_INFO_KEY}:${textOf(options.serverInfo)}`;
  const meta = trouble === '' ? who : `${who},${trouble}`;
  return `"resultType":"complete","ttlMs":${ttlMs},"cacheScope":"${cacheScope}","_meta":{${meta}},`;
}
