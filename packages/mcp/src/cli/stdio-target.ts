import { createRequire } from 'node:module';
import type * as Undici from 'undici';
import type { HttpBridgeTarget } from '../service/service.ts';
import type { ServiceCredential } from './service-credential.ts';

/** A way to a service, with the sockets it takes. */
export interface StdioTarget extends HttpBridgeTarget {
  /** Closes the sockets; what is under way on them fails. */
  close(): Promise<void>;
}

export interface ServicePlace {
  /** `http://host:port` */
  readonly origin: string;
  /** Instead of the origin's host and port. */
  readonly socketPath?: string | undefined;
}

/** How long a service of this machine may take to accept a connection, and to say who it is. */
const CONNECT_MS = 1_000;
const ANSWER_MS = 3_000;
/** What `/status` may have. */
const MAX_STATUS_BYTES = 64 * 1_048_576;

/** Loaded by this command only: it takes a tenth of the time of a start. */
function loadUndici(): typeof Undici {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what `require` returns has no type
  return createRequire(import.meta.url)('undici') as typeof Undici;
}

/** Every request shows what there is to show at that moment: it is good for a minute. */
function withCredential(
  pool: Undici.Pool,
  place: ServicePlace,
  credential: ServiceCredential,
): Undici.Dispatcher {
  return pool.compose((dispatch) => (options, handler) => {
    const shown = credential(place, options.path.replace(/[?#].*$/s, ''));
    if (shown === undefined) return dispatch(options, handler);
    const headers = { ...Object(options.headers), authorization: `Bearer ${shown}` };
    return dispatch({ ...options, headers }, handler);
  });
}

/** @param credential Default: nothing is shown. */
export function openTarget(
  place: ServicePlace,
  path: string,
  credential?: ServiceCredential,
): StdioTarget {
  const { origin, socketPath } = place;
  const { Pool } = loadUndici();
  const socket = socketPath === undefined ? {} : { socketPath };
  const pool = new Pool(origin, {
    pipelining: 1,
    connect: { timeout: CONNECT_MS, ...socket },
  });
  const dispatcher = credential === undefined ? pool : withCredential(pool, place, credential);
  return { dispatcher, origin, path, close: async () => await pool.destroy() };
}

/** Who answers at a place: what `/status` says of a service of ours. */
export interface ServiceIdentity {
  readonly configPath: unknown;
  readonly stateFolder: unknown;
}

function valueOf(settings: unknown, key: string): unknown {
  return Object(Object(settings)[key]).value;
}

/** Asks who listens there; undefined when nobody does, or somebody else. Never rejects. */
export async function identify(target: StdioTarget): Promise<ServiceIdentity | undefined> {
  try {
    const { statusCode, body } = await target.dispatcher.request({
      origin: target.origin,
      path: '/status',
      method: 'GET',
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    let text = '';
    for await (const chunk of body) {
      text += String(chunk);
      if (text.length > MAX_STATUS_BYTES) return undefined;
    }
    const status: unknown = statusCode === 200 ? JSON.parse(text) : undefined;
    const { service, settings } = Object(status);
    if (Object(service).name !== 'cortex-mcp') return undefined;
    return {
      configPath: valueOf(settings, 'config'),
      stateFolder: valueOf(settings, 'stateFolder'),
    };
  } catch {
    return undefined; // nobody listens there, or not in HTTP and JSON
  }
}
