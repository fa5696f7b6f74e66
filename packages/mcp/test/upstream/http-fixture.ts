import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSharedAgents, type SharedAgents } from '../../src/upstream/streamable-http/agent.ts';
import type { EraMemory } from '../../src/upstream/streamable-http/era-memory.ts';
import {
  createHttpUpstream,
  type HttpUpstream,
} from '../../src/upstream/streamable-http/http-upstream.ts';
import { DEFAULT_TIMEOUTS, type ConnectorDefinition } from '../../src/connectors/connector.ts';
import type { Era } from '../../src/protocol/revision.ts';
import {
  OWN_CALLER,
  type ForwardHandle,
  type ForwardRequest,
  type RefusedQuestion,
  type UpstreamClient,
} from '../../src/upstream/upstream.ts';
import type { UpstreamError } from '../../src/upstream/upstream-error.ts';
import { AT_ONCE, type StreamPolicy } from './at-once.ts';
import { recorder, type Outcome, type Recorder } from './recorder.ts';

export const CLIENT = { name: 'gateway', version: '9.9.9' } as const;
export const SIGNAL: AbortSignal = new AbortController().signal;

export function definitionFor(
  url: string,
  changes: Partial<ConnectorDefinition> & { headers?: Record<string, string> } = {},
): ConnectorDefinition {
  const { headers = {}, ...rest } = changes;
  return {
    id: 'alpha',
    title: 'Alpha',
    origin: 'local',
    enabled: true,
    transport: { kind: 'http', url, headers },
    era: 'auto',
    timeouts: DEFAULT_TIMEOUTS,
    problem: undefined,
    ...rest,
  };
}

export interface Opened extends AsyncDisposable {
  readonly upstream: HttpUpstream;
  readonly agents: SharedAgents;
  readonly notifications: { method: string; text: string }[];
  readonly losses: UpstreamError[];
  /** Why requests of the server did not reach a client. */
  readonly refused: RefusedQuestion[];
}

/** An upstream on agents of its own, closed at the end. */
export function open(
  definition: ConnectorDefinition,
  options: {
    eraMemory?: EraMemory;
    random?: () => number;
    connections?: number;
    streamPolicy?: StreamPolicy;
    agents?: SharedAgents;
    client?: UpstreamClient;
    /** Default: lists are not looked at again. */
    willCheckLists?: () => boolean;
  } = {},
): Opened {
  const { connections, streamPolicy = AT_ONCE, willCheckLists } = options;
  const agents =
    options.agents ??
    createSharedAgents(connections === undefined ? {} : { connectionsFor: () => connections });
  const notifications: { method: string; text: string }[] = [];
  const losses: UpstreamError[] = [];
  const refused: RefusedQuestion[] = [];
  const upstream = createHttpUpstream(definition, {
    agents,
    clientInfo: CLIENT,
    random: options.random ?? (() => 0),
    events: {
      notification: (method, text) => notifications.push({ method, text }),
      closed: (error) => losses.push(error),
      refused: (why) => refused.push(why),
      willCheckLists,
    },
    streamPolicy,
    client: options.client,
    ...(options.eraMemory === undefined ? {} : { eraMemory: options.eraMemory }),
  });
  return {
    upstream,
    agents,
    notifications,
    losses,
    refused,
    async [Symbol.asyncDispose]() {
      await upstream.close();
      await agents.close();
    },
  };
}

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: readonly string[];
  readonly body: string;
  /** The parsed body; `{}` when there is none. */
  readonly message: Record<string, unknown>;
}

export type Answer = (seen: Seen, response: ServerResponse) => void | Promise<void>;

export interface Wire extends AsyncDisposable {
  readonly url: string;
  readonly server: Server;
  readonly seen: Seen[];
  answer: Answer;
  /** The methods received, HTTP verbs for requests without a body. */
  methods(): string[];
}

/** A bare HTTP server that shows what arrives, byte for byte. */
export async function startWire(answer: Answer): Promise<Wire> {
  const seen: Seen[] = [];
  // An idle connection is the client's to close: one that both close at a time costs it a request.
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks).toString('utf8');
      const entry: Seen = {
        method: request.method ?? '',
        url: request.url ?? '',
        headers: request.headers,
        rawHeaders: request.rawHeaders,
        body,
        message: body === '' ? {} : (JSON.parse(body) as Record<string, unknown>),
      };
      seen.push(entry);
      await wire.answer(entry, response);
    })();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const wire: Wire = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    server,
    seen,
    answer,
    methods: () =>
      seen.map(({ message, method }) => {
        if (typeof message['method'] === 'string') return message['method'];
        return message['jsonrpc'] === '2.0' ? 'response' : method;
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
  return wire;
}

export function json(
  response: ServerResponse,
  body: unknown,
  status: number = 200,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

export function sse(response: ServerResponse, ...messages: readonly unknown[]): void {
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const message of messages) {
    const data = typeof message === 'string' ? message : JSON.stringify(message);
    response.write(`event: message\ndata: ${data}\n\n`);
  }
}

export const DISCOVERED = {
  supportedVersions: ['2026-07-28'],
  capabilities: { tools: { listChanged: true } },
  instructions: 'hello',
  resultType: 'complete',
  _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'm', version: '1' } },
};

export const INITIALIZED = {
  protocolVersion: '2025-11-25',
  capabilities: { tools: {} },
  serverInfo: { name: 'l', version: '1' },
  instructions: 'hi',
};

/** Answers the modern handshake; the rest is the test's. */
export function modernAnswer(rest: Answer): Answer {
  return (seen, response) => {
    if (seen.message['method'] !== 'server/discover') return rest(seen, response);
    json(response, { jsonrpc: '2.0', id: seen.message['id'], result: DISCOVERED });
  };
}

/** Answers the legacy handshake with numbered sessions; the rest is the test's. */
export function legacyAnswer(rest: Answer): Answer {
  let sessions = 0;
  return (seen, response) => {
    const { method, id } = seen.message;
    if (method === 'server/discover') {
      json(response, { jsonrpc: '2.0', error: { code: -32_000, message: 'no' }, id: null }, 400);
    } else if (method === 'initialize') {
      sessions += 1;
      const headers = { 'mcp-session-id': `s${sessions}` };
      json(response, { jsonrpc: '2.0', id, result: INITIALIZED }, 200, headers);
    } else if (method === 'notifications/initialized') {
      response.writeHead(202).end();
    } else {
      return rest(seen, response);
    }
    return undefined;
  };
}

export { recorder, type Outcome, type Recorder } from './recorder.ts';

/** A `tools/call` of a client of the given era. */
export function toolCall(clientEra: Era, changes: Partial<ForwardRequest> = {}): ForwardRequest {
  return {
    id: 'c-7',
    method: 'tools/call',
    members: [
      { key: 'name', text: '"echo"' },
      { key: 'arguments', text: '{"message":"hi","n":1.0}' },
    ],
    meta:
      clientEra === 'modern'
        ? [
            { key: 'io.modelcontextprotocol/protocolVersion', text: '"2026-07-28"' },
            { key: 'io.modelcontextprotocol/clientInfo', text: '{"name":"c","version":"3"}' },
            { key: 'io.modelcontextprotocol/clientCapabilities', text: '{"elicitation":{}}' },
          ]
        : [],
    name: 'echo',
    paramHeaders: {},
    clientEra,
    caller: OWN_CALLER,
    ...changes,
  };
}

/** Forwards and waits for the end. */
export async function run(
  upstream: HttpUpstream,
  request: ForwardRequest,
): Promise<{ outcome: Outcome; sink: Recorder; handle: ForwardHandle }> {
  const sink = recorder();
  const handle = upstream.forward(request, sink);
  return { outcome: await sink.outcome, sink, handle };
}
