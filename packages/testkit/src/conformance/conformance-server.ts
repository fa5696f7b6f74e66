import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  localhostHostValidation,
  localhostOriginValidation,
  toNodeHandler,
} from '@modelcontextprotocol/node';
import { createMcpHandler, isLegacyRequest } from '@modelcontextprotocol/server';
import { portOf } from '../http/port-of.ts';
import { createConformanceInstance } from './conformance-instance.ts';
import { createConformanceWorld, type ConformanceWorld } from './conformance-world.ts';
import { createLegacySessions } from './legacy-sessions.ts';

type Listener = ReturnType<typeof toNodeHandler>;

/** Sends the headers at once: the SDK's adapter would keep those of a silent stream until its first event. */
function flushing(response: ServerResponse): Parameters<Listener>[1] {
  return {
    writeHead(status, headers) {
      response.writeHead(status, headers);
      response.flushHeaders();
    },
    write: (chunk) => response.write(chunk),
    end: (chunk) => response.end(chunk),
    on: (event, listener) => response.on(event, listener),
    get destroyed() {
      return response.destroyed;
    },
  };
}

/** A running conformance server: both eras at one address, sessions for the older one. */
export interface ConformanceServer extends AsyncDisposable {
  /** `http://127.0.0.1:<port>/mcp` */
  readonly url: string;
  /** Sessions held now. */
  readonly openSessions: number;
  /** Changes what clients can be told of. */
  readonly world: ConformanceWorld;
  close(): Promise<void>;
}

export interface ConformanceServerOptions {
  /** `both` (default), or one era only; requests of the other are refused. */
  readonly eras?: 'both' | 'modern' | 'legacy';
}

/**
 * Starts a server on 127.0.0.1 with everything the scenarios of `@modelcontextprotocol/conformance` ask for, on the
 * official SDK: revision 2026-07-28 without sessions, older ones with sessions and resumable streams.
 */
export async function startConformanceServer(
  options: ConformanceServerOptions = {},
): Promise<ConformanceServer> {
  const { eras = 'both' } = options;
  const world = createConformanceWorld();
  const sessions = createLegacySessions(world);
  const modern = createMcpHandler(() => createConformanceInstance(world).server, {
    legacy: 'reject',
  });
  world.onChange((change) => {
    if (change.kind === 'tools') modern.notify.toolsChanged();
    else if (change.kind === 'prompts') modern.notify.promptsChanged();
    else modern.notify.resourceUpdated(change.uri);
  });

  async function isLegacy(request: Request): Promise<boolean> {
    if (eras === 'both') return isLegacyRequest(request);
    return eras === 'legacy';
  }
  const listener = toNodeHandler({
    fetch: async (request) =>
      (await isLegacy(request)) ? sessions.handle(request) : modern.fetch(request),
  });
  const isHostAllowed = localhostHostValidation();
  const isOriginAllowed = localhostOriginValidation();
  // An idle connection is the client's to close: one that both close at a time costs it a request.
  const idle = { keepAliveTimeout: 0 };
  const server = createServer(idle, (incoming: IncomingMessage, response: ServerResponse) => {
    if (!isHostAllowed(incoming, response) || !isOriginAllowed(incoming, response)) return;
    const { method = 'GET', url = '/' } = incoming;
    void listener(Object.assign(incoming, { method, url }), flushing(response));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });

  async function close(): Promise<void> {
    const closed = new Promise((resolve) => {
      server.close(resolve);
    });
    server.closeAllConnections();
    await Promise.all([closed, modern.close(), sessions.close()]);
  }
  return {
    url: `http://127.0.0.1:${portOf(server)}/mcp`,
    get openSessions() {
      return sessions.open;
    },
    world,
    close,
    [Symbol.asyncDispose]: close,
  };
}
