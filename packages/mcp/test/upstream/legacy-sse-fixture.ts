import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import {
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { DEFAULT_TIMEOUTS, type ConnectorDefinition } from '../../src/connectors/connector.ts';
import { createSharedAgents } from '../../src/upstream/streamable-http/agent.ts';
import {
  createSseUpstream,
  type SseUpstream,
  type SseUpstreamOptions,
} from '../../src/upstream/http-sse/legacy-sse.ts';
import type {
  Caller,
  ForwardHandle,
  ForwardRequest,
  Upstream,
} from '../../src/upstream/upstream.ts';
import type { UpstreamError } from '../../src/upstream/upstream-error.ts';
import { CLIENT, recorder, toolCall, type Outcome, type Recorder } from './http-fixture.ts';

/** A server of the official SDK behind the HTTP+SSE transport. */
export interface SseServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Streams opened since the start. */
  readonly streams: number;
  /** Streams open now. */
  readonly open: number;
  /** Cancelled calls. */
  readonly cancelled: number;
  /** URIs subscribed on the streams there have been since the last cut. */
  readonly subscribed: ReadonlySet<string>;
  /** Method and path of what came, in order. */
  readonly seen: readonly string[];
  /** The last server made, one for each stream. */
  server(): McpServer;
  /** Ends all streams, and answers messages for them with 404 from then on. */
  cutStreams(): void;
  /** Answers messages for the streams open now with 404, and leaves the streams open. */
  forgetSessions(): void;
  /** The credentials that came. */
  readonly authorizations: ReadonlySet<string>;
}

interface Counts {
  cancelled: number;
  subscribed: Set<string>;
}

function makeServer(counts: Counts): McpServer {
  const server = new McpServer(
    { name: 'old', version: '1.0.0' },
    { capabilities: { logging: {}, resources: { subscribe: true } }, instructions: 'be kind' },
  );
  server.registerTool('echo', { inputSchema: { message: z.string() } }, ({ message }) => ({
    content: [{ type: 'text', text: message }],
  }));
  server.registerTool('steps', {}, async ({ _meta, sendNotification }) => {
    const progressToken = _meta?.progressToken;
    if (progressToken !== undefined) {
      const params = { progressToken, progress: 1, total: 2 };
      await sendNotification({ method: 'notifications/progress', params });
    }
    await server.server.sendLoggingMessage({ level: 'info', data: 'a log line' });
    return { content: [{ type: 'text', text: 'done' }] };
  });
  server.registerTool('hang', {}, async ({ signal }) => {
    await once(signal, 'abort');
    counts.cancelled += 1;
    return { content: [] };
  });
  server.registerTool('ask', {}, async () => {
    const answer = await server.server.createMessage({
      messages: [{ role: 'user', content: { type: 'text', text: 'who?' } }],
      maxTokens: 5,
    });
    return { content: [{ type: 'text', text: JSON.stringify(answer.content) }] };
  });
  server.registerResource('note', 'test://note', {}, (uri) => ({
    contents: [{ uri: uri.href, text: 'hi' }],
  }));
  server.server.setRequestHandler(SubscribeRequestSchema, ({ params }) => {
    counts.subscribed.add(params.uri);
    return {};
  });
  server.server.setRequestHandler(UnsubscribeRequestSchema, ({ params }) => {
    counts.subscribed.delete(params.uri);
    return {};
  });
  return server;
}

/** @param postStatus what a POST to the stream's own address is answered with. */
export async function startSseServer(port = 0, postStatus = 404): Promise<SseServer> {
  const sessions = new Map<string, { transport: SSEServerTransport; server: McpServer }>();
  const counts: Counts = { cancelled: 0, subscribed: new Set() };
  const seen: string[] = [];
  const authorizations = new Set<string>();
  let streams = 0;
  let last: McpServer | undefined;
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    authorizations.add(request.headers.authorization ?? 'none');
    seen.push(`${request.method} ${url.pathname}`);
    if (request.method === 'GET' && url.pathname === '/sse') {
      const transport = new SSEServerTransport('/messages', response);
      const server = makeServer(counts);
      last = server;
      streams += 1;
      sessions.set(transport.sessionId, { transport, server });
      response.once('close', () => sessions.delete(transport.sessionId));
      await server.connect(transport);
      return;
    }
    if (request.method === 'POST' && url.pathname === '/messages') {
      const session = sessions.get(url.searchParams.get('sessionId') ?? '');
      if (session !== undefined)
        return await session.transport.handlePostMessage(request, response);
    }
    request.resume();
    response.writeHead(url.pathname === '/sse' ? postStatus : 404).end('Session not found');
  };
  const http = createServer((request, response) => void handle(request, response));
  http.listen(port, '127.0.0.1');
  await once(http, 'listening');
  const { port: bound } = http.address() as AddressInfo;
  return {
    port: bound,
    url: `http://127.0.0.1:${bound}/sse`,
    seen,
    get streams() {
      return streams;
    },
    get open() {
      return sessions.size;
    },
    get cancelled() {
      return counts.cancelled;
    },
    server: () => {
      if (last === undefined) throw new Error('no stream was opened');
      return last;
    },
    authorizations,
    forgetSessions: () => sessions.clear(),
    subscribed: counts.subscribed,
    cutStreams: () => {
      counts.subscribed.clear();
      for (const { transport } of sessions.values()) void transport.close();
      sessions.clear();
    },
    async [Symbol.asyncDispose]() {
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    },
  };
}

export function sseDefinition(
  url: string,
  changes: Partial<ConnectorDefinition> & { headers?: Record<string, string> } = {},
): ConnectorDefinition {
  const { headers = {}, ...rest } = changes;
  return {
    id: 'old',
    title: 'Old',
    origin: 'local',
    enabled: true,
    transport: { kind: 'sse', url, headers },
    era: 'auto',
    timeouts: DEFAULT_TIMEOUTS,
    problem: undefined,
    ...rest,
  };
}

export interface OpenedSse extends AsyncDisposable {
  readonly upstream: SseUpstream;
  readonly notifications: { method: string; text: string }[];
  readonly losses: UpstreamError[];
}

/** An upstream on agents of its own, closed at the end. */
export function openSse(
  definition: ConnectorDefinition,
  options: Partial<SseUpstreamOptions> = {},
): OpenedSse {
  const agents = createSharedAgents();
  const notifications: { method: string; text: string }[] = [];
  const losses: UpstreamError[] = [];
  const upstream = createSseUpstream(definition, {
    agents,
    clientInfo: CLIENT,
    random: () => 0,
    events: {
      notification: (method, text) => void notifications.push({ method, text }),
      closed: (error) => void losses.push(error),
    },
    ...options,
  });
  return {
    upstream,
    notifications,
    losses,
    async [Symbol.asyncDispose]() {
      await upstream.close();
      await agents.close();
    },
  };
}

/** A call of a tool without arguments beyond those given. */
export function callOf(
  name: string,
  args: object = {},
  changes: Partial<ForwardRequest> = {},
): ForwardRequest {
  return toolCall('legacy', {
    members: [
      { key: 'name', text: JSON.stringify(name) },
      { key: 'arguments', text: JSON.stringify(args) },
    ],
    ...changes,
  });
}

export function callerOf(id: string): Caller {
  return { id, capabilities: { sampling: {} }, envelope: [] };
}

/** Forwards without waiting. */
export function send(
  upstream: Upstream,
  request: ForwardRequest,
): { sink: Recorder; handle: ForwardHandle; outcome: Promise<Outcome> } {
  const sink = recorder();
  const handle = upstream.forward(request, sink);
  return { sink, handle, outcome: sink.outcome };
}
