import { isDeepStrictEqual } from 'node:util';
import type { Route } from '../../catalog/catalog.ts';
import { headersFor } from '../../protocol/param-header.ts';
import type { ClientRequest } from '../client-request.ts';
import type { UpstreamSignal } from '../ports.ts';

type Headers = Readonly<Record<string, string>>;

/**
 * The `Mcp-Param-*` headers for another try of a call whose headers the server refused (`-32020`), from its list as it is
 * now (spec 2026-07-28, basic/transports: one `tools/list`, one retry). The body decides what they say, for modern clients
 * as well, whose own were right by the list they had.
 * @returns undefined when they would be the same, or nobody knows better.
 */
export type HeaderRenewal = (
  connectorId: string,
  request: ClientRequest,
  sent: Headers,
) => Promise<Headers | undefined>;

/** @param routeOf the route of a tool by the catalog as it is now. */
export function createHeaderRenewal(
  signal: Pick<UpstreamSignal, 'headersRefused'>,
  routeOf: (request: ClientRequest) => Route<unknown> | undefined,
): HeaderRenewal {
  return async (connectorId, request, sent) => {
    await signal.headersRefused(connectorId);
    const route = routeOf(request);
    if (route?.connectorId !== connectorId) return undefined;
    const wanted = headersFor(route.headerParams ?? [], request.params.value['arguments']);
    const next = request.era === 'legacy' ? wanted : { ...sent, ...wanted };
    return isDeepStrictEqual(sent, next) ? undefined : next;
  };
}
