import { asArray, asNumber, asObject, asText, isObject, type JsonObject } from '../model/json.ts';
import type { Fetch } from './gateway-fetch.ts';

export interface RegistryServer {
  readonly name: string;
  readonly title: string | undefined;
  readonly version: string;
  readonly description: string;
  readonly status: string;
  /** How it can be used: `npm`, `oci`, `streamable-http` … */
  readonly ways: readonly string[];
  readonly json: JsonObject;
}

/** One page of the registry. */
export type RegistryPage =
  | {
      readonly kind: 'page';
      readonly servers: readonly RegistryServer[];
      readonly count: number;
      readonly nextCursor: string | undefined;
    }
  /** The gateway serves no registry. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'failed'; readonly why: string };

export interface RegistryQuery {
  readonly search: string;
  readonly cursor: string | undefined;
  readonly limit: number;
}

const OFFICIAL = 'io.modelcontextprotocol.registry/official';

function readServer(value: unknown): RegistryServer {
  const json = asObject(value);
  const server = asObject(json['server']);
  const official = asObject(asObject(json['_meta'])[OFFICIAL]);
  const words = [
    ...asArray(server['packages']).map((one) => asText(asObject(one)['registryType'])),
    ...asArray(server['remotes']).map((one) => asText(asObject(one)['type'])),
  ];
  return {
    name: asText(server['name']) ?? '',
    title: asText(server['title']),
    version: asText(server['version']) ?? '',
    description: asText(server['description']) ?? '',
    status: asText(official['status']) ?? asText(server['status']) ?? 'active',
    ways: [...new Set(words.filter((one) => one !== undefined))],
    json,
  };
}

/** The newest version of every server that the search finds. */
export async function readRegistry(
  fetch: Fetch,
  query: RegistryQuery,
  signal: AbortSignal,
): Promise<RegistryPage> {
  const wanted = new URLSearchParams({ limit: String(query.limit), version: 'latest' });
  if (query.search !== '') wanted.set('search', query.search.slice(0, 200));
  if (query.cursor !== undefined) wanted.set('cursor', query.cursor);
  const response = await fetch(`/v0.1/servers?${wanted.toString()}`, { signal });
  if (response.status === 404) return { kind: 'absent' };
  if (response.status === 403) {
    return { kind: 'failed', why: 'This key may not read the registry.' };
  }
  if (!response.ok) {
    return { kind: 'failed', why: `The registry answered with status ${response.status}.` };
  }
  const body: unknown = await response.json();
  if (!isObject(body)) return { kind: 'failed', why: 'The registry answered with no object.' };
  const metadata = asObject(body['metadata']);
  const servers = asArray(body['servers']).map(readServer);
  return {
    kind: 'page',
    servers,
    count: asNumber(metadata['count']) ?? servers.length,
    nextCursor: asText(metadata['nextCursor']),
  };
}

/** The newest version of one server; undefined when there is none of that name. */
export async function readRegistryServer(
  fetch: Fetch,
  name: string,
  signal: AbortSignal,
): Promise<RegistryServer | undefined> {
  const path = `/v0.1/servers/${encodeURIComponent(name)}/versions/latest`;
  const response = await fetch(path, { signal });
  return response.ok ? readServer(await response.json()) : undefined;
}
