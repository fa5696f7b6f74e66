import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { FeatureSet } from '../features/feature-set.ts';
import { createLegacyServer } from '../features/legacy-server.ts';
import type { Engine, FrontRequest } from './engine.ts';

export interface SessionEngineOptions {
  readonly features: FeatureSet;
  readonly onSession: () => void;
}

interface Session {
  readonly server: Server;
  readonly transport: StreamableHTTPServerTransport;
}

/** SDK 1's Node adapter reads the body from here when something before it has read the stream. */
function withRawBody({ incoming, body }: FrontRequest): IncomingMessage {
  return Object.assign(incoming, { rawBody: body });
}

async function connect(server: Server, transport: StreamableHTTPServerTransport): Promise<Session> {
  await server.connect(transport);
  return { server, transport };
}

function answerError(
  response: ServerResponse,
  status: number,
  error: { readonly code: number; readonly message: string },
): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ jsonrpc: '2.0', error, id: null }));
}

/** SDK 1 as most servers use it without sessions: a server and a transport per request. */
export function createStatelessEngine(features: FeatureSet): Engine {
  const open = new Set<Session>();
  return {
    async handle(request, response) {
      if (request.incoming.method !== 'POST') {
        answerError(response, 405, { code: -32_000, message: 'Method not allowed.' });
        return;
      }
      const transport = new StreamableHTTPServerTransport({});
      const session = await connect(createLegacyServer(features), transport);
      open.add(session);
      response.once('close', () => {
        open.delete(session);
        void session.server.close();
      });
      await transport.handleRequest(withRawBody(request), response);
    },
    announceTools() {
      // Without a session there is no stream on which a client could be told.
    },
    openSessions: 0,
    async close() {
      await Promise.all(Array.from(open, async (session) => session.server.close()));
    },
  };
}

/** SDK 1 with sessions: `Mcp-Session-Id`, the GET stream, and DELETE. An unknown session is a 404. */
export function createSessionEngine({ features, onSession }: SessionEngineOptions): Engine {
  const sessions = new Map<string, Session>();

  async function newSession(): Promise<Session> {
    const server = createLegacyServer(features);
    const transport: StreamableHTTPServerTransport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized(id) {
        onSession();
        sessions.set(id, { server, transport });
      },
      async onsessionclosed(id) {
        sessions.delete(id);
        await server.close();
      },
    });
    return connect(server, transport);
  }

  return {
    async handle(request, response) {
      const id = request.incoming.headers['mcp-session-id'];
      const known = typeof id === 'string' ? sessions.get(id) : undefined;
      if (id !== undefined && known === undefined) {
        answerError(response, 404, { code: -32_001, message: 'Session not found' });
        return;
      }
      const session = known ?? (await newSession());
      // A first message that opens no session leaves nothing behind.
      response.once('close', () => {
        if (session.transport.sessionId === undefined) void session.server.close();
      });
      await session.transport.handleRequest(withRawBody(request), response);
    },
    announceTools() {
      for (const { server } of sessions.values()) {
        server.sendToolListChanged().catch(() => {
          // The session is being closed; its client will list again anyway.
        });
      }
    },
    get openSessions() {
      return sessions.size;
    },
    async close() {
      const open = [...sessions.values()];
      sessions.clear();
      await Promise.all(open.map(async ({ server }) => server.close()));
    },
  };
}
