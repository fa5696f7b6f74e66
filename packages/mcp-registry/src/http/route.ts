import { RegistryApiError } from './api-error.ts';

/** What a path under `/v0.1/` names. */
export type RegistryRoute =
  | { readonly kind: 'list' }
  | { readonly kind: 'publish' }
  | { readonly kind: 'versions'; readonly name: string }
  | { readonly kind: 'version'; readonly name: string; readonly version: string }
  | { readonly kind: 'all-status'; readonly name: string }
  | { readonly kind: 'version-status'; readonly name: string; readonly version: string };

/** Methods each kind of route takes, `OPTIONS` included. */
export const routeMethods: Readonly<Record<RegistryRoute['kind'], readonly string[]>> = {
  list: ['GET', 'HEAD', 'OPTIONS'],
  publish: ['POST', 'OPTIONS'],
  versions: ['GET', 'HEAD', 'OPTIONS'],
  version: ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'],
  'all-status': ['PATCH', 'OPTIONS'],
  'version-status': ['PATCH', 'OPTIONS'],
};

const prefix = '/v0.1/';

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (cause) {
    throw Object.assign(
      new RegistryApiError(400, 'BAD_PATH', 'The path has a malformed percent escape'),
      { cause },
    );
  }
}

/** The path below a server: `versions`, `versions/{v}`, `versions/{v}/status` or `status`. */
function belowServer(name: string, rest: readonly string[]): RegistryRoute | undefined {
  const [first, version, last] = rest;
  if (first === 'status' && rest.length === 1) return { kind: 'all-status', name };
  if (first !== 'versions' || rest.length > 3) return undefined;
  if (version === undefined) return { kind: 'versions', name };
  if (version === '') return undefined;
  if (last === undefined) return { kind: 'version', name, version };
  return last === 'status' ? { kind: 'version-status', name, version } : undefined;
}

/**
 * The route of a path without its query; undefined when there is none. Names are `%2F`-encoded; a plain `/` in a name is
 * taken too, since some proxies decode it.
 * @throws RegistryApiError `BAD_PATH` for a malformed escape.
 */
export function findRegistryRoute(path: string): RegistryRoute | undefined {
  if (!path.startsWith(prefix)) return undefined;
  const segments = path.slice(prefix.length).split('/').map(decode);
  // One trailing slash is forgiven.
  if (segments.length > 1 && segments.at(-1) === '') segments.pop();
  const [root, first = '', second = ''] = segments;
  if (root === 'publish' && segments.length === 1) return { kind: 'publish' };
  if (root !== 'servers') return undefined;
  if (segments.length === 1) return { kind: 'list' };
  if (first.includes('/')) return belowServer(first, segments.slice(2));
  return belowServer(`${first}/${second}`, segments.slice(3));
}
