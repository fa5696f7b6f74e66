import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { duplexPair } from 'node:stream';
import type * as Undici from 'undici';
import type { HttpBridgeTarget } from '../../src/gateway/bridge/bridge-exchange.ts';

/** Loaded with the first client that needs it. */
function loadUndici(): typeof Undici {
  return createRequire(import.meta.url)('undici') as typeof Undici;
}

const { createServer } = process.getBuiltinModule('node:http');

/** An endpoint of this process that is spoken to in HTTP, without a socket. */
export interface PipedTarget extends HttpBridgeTarget {
  /** Cuts every connection. */
  close(): Promise<void>;
}

/** HTTP over pipes within the process. */
export function createPipedTarget(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): PipedTarget {
  const server = createServer(handle);
  const { Pool, buildConnector } = loadUndici();
  type Connect = ReturnType<typeof buildConnector>;
  const connect = ((_options, callback) => {
    const [ours, theirs] = duplexPair();
    // Node's server sets timeouts where a reader is slow; both ends of this one are in the same process.
    server.emit('connection', Object.assign(theirs, { setTimeout: () => theirs }));
    const socket = ours as Parameters<typeof callback>[1] & object;
    // Not at once: undici is still about to begin.
    queueMicrotask(() => callback(null, socket));
  }) as Connect;
  const dispatcher = new Pool('http://localhost', { connect, pipelining: 1 });
  return {
    dispatcher,
    origin: 'http://localhost',
    path: '/',
    close: async () => await dispatcher.destroy(),
  };
}
