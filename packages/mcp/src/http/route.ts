import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Principal } from '../auth/principal.ts';
import type { RouteRules } from '../auth/route-rules.ts';

/** What answers at a path, and who may ask. */
export interface Route extends RouteRules {
  /** Methods it takes; others get 405. Undefined leaves that to the handler. */
  readonly methods?: readonly string[];
  /** Methods that web pages of any origin may use; their Host is checked all the same. Default: none. */
  readonly anyOrigin?: readonly string[];
  handle(
    request: IncomingMessage,
    response: ServerResponse,
    rest: string,
    principal: Principal,
  ): void;
}

/**
 * Paths to routes; a path that ends in `/` takes everything below it, the rest of the path is handed over. `/` alone is
 * that path and no other.
 */
export type RouteTable = ReadonlyMap<string, Route>;

/** The route of a request's target: the exact one of its path, else one that takes everything below it. */
export function findRoute(
  routes: RouteTable,
  target: string,
): { readonly route: Route; readonly rest: string } | undefined {
  const plain = routes.get(target);
  if (plain !== undefined) return { route: plain, rest: '' };
  const path = target.replace(/[?#].*$/s, '');
  const exact = routes.get(path);
  if (exact !== undefined) return { route: exact, rest: '' };
  for (const [prefix, route] of routes) {
    const isFolder = prefix.endsWith('/') && prefix.length > 1;
    if (isFolder && path.startsWith(prefix) && path.length > prefix.length) {
      return { route, rest: path.slice(prefix.length) };
    }
  }
  return undefined;
}
