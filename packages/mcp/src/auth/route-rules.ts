import type { IncomingMessage } from 'node:http';

/**
 * Who may use a route. `open`: anyone who reaches the socket; `client`: MCP clients; `operator`: whoever runs the
 * service. Without any means of authentication, which is possible on loopback only, all three are met.
 */
export type AuthClass = 'open' | 'client' | 'operator';

/** What a route asks of those who use it. */
export interface RouteRules {
  readonly auth: AuthClass;
  /** A scope that is enough by itself, beside the class. */
  readonly scope?: string;
  /** The scope that methods need which change something, instead of the class. */
  readonly writes?: string;
  /** It shows everything, and so is not for those who may see a part. */
  readonly whole?: boolean;
  /** Whether a request carries a proof that only this route knows; whoever has it needs no other. */
  readonly proof?: (request: IncomingMessage, rest: string) => boolean;
}

const READING: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** The scopes of which one is enough; undefined when nobody has to be known. */
export function wantedScopes(
  { auth, scope, writes }: RouteRules,
  method: string,
): readonly string[] | undefined {
  if (auth === 'open') return undefined;
  if (writes !== undefined && !READING.has(method)) return [writes, 'operator'];
  return scope === undefined ? [auth] : [auth, scope];
}
