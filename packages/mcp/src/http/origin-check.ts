import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/** Who may be named beside this machine. */
export interface AllowedNames {
  /** Values of `Host` (`name` or `name:port`, lower case) under which the service is reached. */
  readonly hosts: ReadonlySet<string>;
  /** Origins of web pages (`https://app.example`) that may use it. */
  readonly origins: ReadonlySet<string>;
}

export const NO_OTHER_NAMES: AllowedNames = { hosts: new Set(), origins: new Set() };

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

/** The very address that was connected to. No page can have a name of its own lead there and send this as Host. */
function isOwnAddress(name: string, { socket: { localAddress } }: IncomingMessage): boolean {
  const address = name.replace(/^\[|\]$/g, '');
  return isIP(address) !== 0 && address === localAddress?.replace(/^::ffff:/, '');
}

/** A Host that names this machine itself; nearly all requests have the same. */
let lastLoopback = 'localhost';

function isAllowedHost(host: string, request: IncomingMessage, { hosts }: AllowedNames): boolean {
  if (host === lastLoopback) return true;
  const name = hostName(host);
  if (isLoopbackName(name)) {
    lastLoopback = host;
    return true;
  }
  return hosts.has(name) || hosts.has(host.toLowerCase()) || isOwnAddress(name, request);
}

/**
 * Why a request must be refused for its Host, or undefined. Only requests are answered that name this machine, or what
 * the operator calls it: a page that rebinds its DNS name to 127.0.0.1 sends its own name as Host (MCP transports,
 * security; reliability-security.md S1).
 */
export function refusedHost(
  request: IncomingMessage,
  allowed: AllowedNames = NO_OTHER_NAMES,
): string | undefined {
  const { host } = request.headers;
  const isAllowed = host !== undefined && isAllowedHost(host, request, allowed);
  return isAllowed ? undefined : 'Host is not allowed';
}

/** Whether a request names more than one Host: which of them counts is anybody's guess (RFC 9112 §3.2). */
export function hasTwoHosts({ rawHeaders }: IncomingMessage): boolean {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  return hosts > 1;
}

/** Why a request must be refused for its Origin, or undefined: pages in browsers send theirs. */
export function refusedOrigin(
  { headers: { origin } }: IncomingMessage,
  { origins }: AllowedNames = NO_OTHER_NAMES,
): string | undefined {
  if (origin === undefined || origins.has(origin) || isLoopbackOrigin(origin)) return undefined;
  return 'Origin is not allowed';
}
