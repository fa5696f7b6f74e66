import type { ServerResponse } from 'node:http';
import { RegistryApiError } from './api-error.ts';
import { readListPage, readVersions, type ListSource } from './list-page.ts';
import { includeDeletedOf, parseListQuery } from './list-query.ts';
import type { ListedServer } from './listed-server.ts';
import type { ListedServers } from './listed-servers.ts';
import type { RegistryRoute } from './route.ts';
import { renderItem } from './server-item.ts';

/** The answer for one version, and what its entity tag is made of. */
export function itemBody(servers: ListedServers, server: ListedServer): string {
  return renderItem(server, servers.isLatest(server));
}

function notFound(what: string): RegistryApiError {
  return new RegistryApiError(404, 'NOT_FOUND', `${what} not found`);
}

function findVersion(
  servers: ListedServers,
  { name, version }: { readonly name: string; readonly version: string },
  includeDeleted: boolean,
): ListedServer {
  const server = version === 'latest' ? servers.latest(name) : servers.get(name, version);
  if (server !== undefined && (includeDeleted || server.status !== 'deleted')) return server;
  throw notFound(servers.latest(name) === undefined ? 'Server' : 'Server version');
}

/**
 * The body of a `GET` answer.
 * @throws RegistryApiError 400, 404, 422, 503.
 */
export async function readRoute(
  source: ListSource,
  route: RegistryRoute,
  parameters: URLSearchParams,
  response: ServerResponse,
): Promise<string> {
  const { servers } = source;
  if (route.kind === 'list')
    return readListPage(source, parseListQuery(parameters), () => !response.destroyed);
  const includeDeleted = includeDeletedOf(parameters) ?? false;
  if (route.kind === 'versions') {
    const body = await readVersions(source, route.name, includeDeleted);
    if (body === undefined) throw notFound('Server');
    return body;
  }
  if (route.kind !== 'version') throw notFound('Path');
  return itemBody(servers, findVersion(servers, route, includeDeleted));
}
