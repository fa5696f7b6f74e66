/** What a URI begins with: its scheme and, when it has one, its authority. */
const HEAD = /^[A-Za-z][A-Za-z0-9+.-]*:(?:\/\/[^/?#{]*)?/;

function split(uri: string): { readonly head: string; readonly rest: string } {
  const head = HEAD.exec(uri)?.[0] ?? '';
  return { head, rest: uri.slice(head.length) };
}

/**
 * A URI, or URI template, that two connectors offer, as the shared endpoint shows the later one's: with the connector's
 * id as first segment of its path. The scheme stays, as clients go by it (`ui://`). Undefined for a template whose
 * authority is a variable, which has no place for it.
 */
export function namespacedUri(uri: string, connectorId: string): string | undefined {
  const { head, rest } = split(uri);
  if (!head.includes('//')) return `${head}${connectorId}/${rest}`;
  return rest.startsWith('{') ? undefined : `${head}/${connectorId}${rest}`;
}

/** Undoes `namespacedUri`, for a URI made from a namespaced template. */
export function ownUri(uri: string, connectorId: string): string {
  const { head, rest } = split(uri);
  const namespace = head.includes('//') ? `/${connectorId}` : `${connectorId}/`;
  return rest.startsWith(namespace) ? head + rest.slice(namespace.length) : uri;
}
