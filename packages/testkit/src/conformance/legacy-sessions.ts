import { randomUUID } from 'node:crypto';
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server';
import { createConformanceInstance, type ConformanceInstance } from './conformance-instance.ts';
import type { ConformanceWorld } from './conformance-world.ts';
import { createEventStore } from './event-store.ts';

const RETRY_MS = 500;

/** The sessions of revisions up to 2025-11-25, with event stores: streams can be resumed. */
export interface LegacySessions {
  readonly open: number;
  handle(request: Request): Promise<Response>;
  close(): Promise<void>;
}

interface Session {
  readonly instance: ConformanceInstance;
  readonly transport: WebStandardStreamableHTTPServerTransport;
}

function unknownSession(): Response {
  const error = { code: -32_001, message: 'Session not found' };
  return Response.json({ jsonrpc: '2.0', error, id: null }, { status: 404 });
}

export function createLegacySessions(world: ConformanceWorld): LegacySessions {
  const sessions = new Map<string, Session>();
  const stopListening = world.onChange((change) => {
    for (const { instance } of sessions.values()) instance.show(change);
  });

  async function newSession(): Promise<Session> {
    const instance = createConformanceInstance(world);
    const transport: WebStandardStreamableHTTPServerTransport =
      new WebStandardStreamableHTTPServerTransport({
        sessionIdGenerator: () => randomUUID(),
        eventStore: createEventStore(),
        retryInterval: RETRY_MS,
        onsessioninitialized(id) {
          sessions.set(id, { instance, transport });
        },
        async onsessionclosed(id) {
          sessions.delete(id);
          await instance.server.close();
        },
      });
    await instance.server.connect(transport);
    return { instance, transport };
  }

  return {
    get open() {
      return sessions.size;
    },
    async handle(request) {
      const id = request.headers.get('mcp-session-id');
      const known = id === null ? undefined : sessions.get(id);
      if (id !== null && known === undefined) return unknownSession();
      const session = known ?? (await newSession());
      const response = await session.transport.handleRequest(request);
      // A first message that opens no session leaves nothing behind.
      if (session.transport.sessionId === undefined) await session.instance.server.close();
      return response;
    },
    async close() {
      stopListening();
      const open = [...sessions.values()];
      sessions.clear();
      await Promise.all(open.map(async ({ instance }) => instance.server.close()));
    },
  };
}
