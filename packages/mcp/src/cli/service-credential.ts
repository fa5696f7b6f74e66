import { createOperatorCredential } from '../auth/operator-credential.ts';
import { readVariable, type Environment } from '../config/environment.ts';
import { isLoopback } from '../config/settings.ts';
import type { ServicePlace } from './stdio-target.ts';

/** What is shown to a service, by the path that is asked for; undefined shows nothing. */
export type ServiceCredential = (place: ServicePlace, path: string) => string | undefined;

/** Its user may not see less of it than the state folder allows: it says who answers. */
const STATUS = '/status';

/**
 * `MCP_API_KEY` for what clients ask, if it is set: it may let see less than everything. Else, and for the status, what
 * the state folder gives, which is shown to services of this machine only.
 */
export function createServiceCredential(
  env: Environment,
  stateFolder: string | undefined,
): ServiceCredential {
  const key = readVariable(env, 'MCP_API_KEY');
  const operator = stateFolder === undefined ? undefined : createOperatorCredential(stateFolder);
  return ({ origin, socketPath }, path) => {
    const { hostname, port } = new URL(origin);
    const isHere = socketPath !== undefined || isLoopback(hostname.replace(/^\[|\]$/g, ''));
    const own = (): string | undefined =>
      isHere ? operator?.(socketPath === undefined ? Number(port) || 80 : undefined) : undefined;
    return path === STATUS ? (own() ?? key) : (key ?? own());
  };
}
