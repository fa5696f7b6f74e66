import type { IncomingMessage } from 'node:http';

const LOOPBACK_NAMES: ReadonlySet<string> = new Set(['localhost', '[::1]']);

function isLoopbackName(name: string): boolean {
  return LOOPBACK_NAMES.has(name) || /^127(?:\.\d{1,3}){3}$/.test(name);
}

/** The host of a `Host` header or a URL's authority: lower case, without port and trailing dot. */
function hostName(authority: string): string {
  return authority.toLowerCase().replace(/:\d+$/, '').replace(/\.$/, '');
}

function isLoopbackOrigin(origin: string): boolean {
  const url = URL.canParse(origin) ? new URL(origin) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && isLoopbackName(url.hostname);
}

/**
 * Why a request must be refused for its Host, or undefined. A listener on loopback answers only requests that name it
 * so: a page that rebinds its DNS name to 127.0.0.1 sends its own name as Host (MCP transports, security;
 * reliability-security.md S1).
 */
export function refusedHost({ headers: { host } }: IncomingMessage): string | undefined {
  return host !== undefined && isLoopbackName(hostName(host)) ? undefined : 'Host is not allowed';
}

/** Why a request must be refused for its Origin, or undefined: pages in browsers send theirs. */
export function refusedOrigin({ headers: { origin } }: IncomingMessage): string | undefined {
  return origin === undefined || isLoopbackOrigin(origin) ? undefined : 'Origin is not allowed';
}
