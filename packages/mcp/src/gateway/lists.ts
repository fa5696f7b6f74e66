import type { CatalogView } from '../catalog/catalog.ts';
import type { CacheHint } from '../protocol/cache-hint.ts';
import { MAX_TTL_MS } from '../protocol/cache-hint.ts';
import type { ListKind } from '../protocol/list-kind.ts';
import type { JsonObject, JsonRpcId } from '../protocol/message.ts';
import { META, type Era } from '../protocol/revision.ts';

/** What is left of a view's freshness now: the least of its parts, and private as soon as one part is. */
export function remainingHint(view: CatalogView<unknown>, complete: boolean): CacheHint {
  const now = performance.now();
  let ttlMs = view.contributions.length === 0 ? 0 : MAX_TTL_MS;
  let cacheScope: CacheHint['cacheScope'] = 'public';
  for (const { receivedAtMs, hint } of view.contributions) {
    ttlMs = Math.min(ttlMs, Math.max(0, Math.floor(receivedAtMs + hint.ttlMs - now)));
    if (hint.cacheScope === 'private') cacheScope = 'private';
  }
  return { ttlMs: complete ? ttlMs : 0, cacheScope };
}

export interface ListAnswerOptions {
  readonly id: JsonRpcId;
  readonly era: Era;
  /** False while the list is still growing: it must not be cached. Only a modern answer asks. */
  readonly complete: () => boolean;
  /** Only a modern answer says who gave it. */
  readonly serverInfo: () => JsonObject;
}

/** A whole list answer: the view's own bytes, not copied, between a head with the id and a tail with the cache hint. */
export function listAnswer(
  view: CatalogView<unknown>,
  kind: ListKind,
  options: ListAnswerOptions,
): readonly Buffer[] {
  const head = Buffer.from(`{"jsonrpc":"2.0","id":${JSON.stringify(options.id)},"result":{`);
  const bytes = view.lists[kind].bytes();
  return [head, bytes, Buffer.from(tailOf(view, options))];
}

function tailOf(view: CatalogView<unknown>, options: ListAnswerOptions): string {
  if (options.era === 'legacy') return '}}';
  const { ttlMs, cacheScope } = remainingHint(view, options.complete());
  const meta = JSON.stringify({ [META.serverInfo]: options.serverInfo() });
  return `,"resultType":"complete","ttlMs":${ttlMs},"cacheScope":"${cacheScope}","_meta":${meta}}}`;
}
