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
 * Why a request must be refused, or undefined. A listener on loopback answers only requests that name it so: a page that
 * rebinds its DNS name to 127.0.0.1 sends its own name as Host, and every other page sends its Origin
 * (MCP transports, security; reliability-security.md S1).
 */
export function refusedOrigin(request: IncomingMessage): string | undefined {
  const { host, origin } = request.headers;
  if (host === undefined || !isLoopbackName(hostName(host))) return 'Host is not allowed';
  if (origin !== undefined && !isLoopbackOrigin(origin)) return 'Origin is not allowed';
  return undefined;
}
