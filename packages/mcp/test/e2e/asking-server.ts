import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import {
  CallToolRequestSchema,
  CreateMessageResultSchema,
  ElicitResultSchema,
  ListRootsResultSchema,
  ListToolsRequestSchema,
  RootsListChangedNotificationSchema,
  UrlElicitationRequiredError,
  type ServerNotification,
  type ServerRequest,
} from '@modelcontextprotocol/sdk/types.js';

/** A server of SDK 1 with sessions (2025-11-25) whose tools ask their client in every way there is. */
export interface AskingServer extends AsyncDisposable {
  readonly url: string;
  /** Calls that were cancelled while they ran, or whose question nobody answers any more. */
  readonly cancelled: readonly string[];
  /** Set once the user has visited the URL that `visit` asks for. */
  visited: boolean;
  /** How often a client has said that its roots changed. */
  rootsChanged: number;
  /** Sessions open now. */
  readonly sessions: number;
}

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;
type Answer = { readonly content: readonly { readonly type: 'text'; readonly text: string }[] };
type Tool = (args: Record<string, unknown>, extra: Extra) => Promise<Answer>;

const say = (value: unknown): Answer => ({
  content: [{ type: 'text', text: typeof value === 'string' ? value : JSON.stringify(value) }],
});

const form = (message: string) => ({
  message,
  requestedSchema: {
    type: 'object' as const,
    properties: { reply: { type: 'string' as const } },
  },
});

/** What came of a question: the answer, or the error the server was given. */
async function outcome(question: Promise<unknown>): Promise<unknown> {
  try {
    return await question;
  } catch (error) {
    const { code, message } = error as { code?: number; message: string };
    return { code, message };
  }
}

async function elicit(
  extra: Extra,
  params: Record<string, unknown>,
  signal?: AbortSignal,
): Promise<unknown> {
  const request = { method: 'elicitation/create', params } as ServerRequest;
  const options = { timeout: 30_000, ...(signal && { signal }) };
  return await outcome(extra.sendRequest(request, ElicitResultSchema, options));
}

function toolsOf(server: AskingServer & { cancelled: string[] }): Record<string, Tool> {
  return {
    form: async ({ message = 'Who?' }, extra) => say(await elicit(extra, form(String(message)))),
    url: async (_args, extra) =>
      say(
        await elicit(extra, {
          mode: 'url',
          message: 'Visit us',
          url: 'https://example.com/key',
          elicitationId: 'e-1',
        }),
      ),
    progressing: async (_args, extra) => {
      const heard: unknown[] = [];
      const request = { method: 'elicitation/create', params: form('slow') } as ServerRequest;
      const onprogress = (progress: unknown): void => void heard.push(progress);
      const options = { timeout: 30_000, onprogress };
      const answer = await outcome(extra.sendRequest(request, ElicitResultSchema, options));
      return say({ heard, answer });
    },
    two: async (_args, extra) =>
      say(await Promise.all([elicit(extra, form('first')), elicit(extra, form('second'))])),
    rounds: async (_args, extra) => {
      const first = await elicit(extra, form('first'));
      return say([first, await elicit(extra, form('second'))]);
    },
    tools: async (_args, extra) => {
      const params = {
        messages: [{ role: 'user' as const, content: { type: 'text' as const, text: 'hi' } }],
        maxTokens: 10,
        tools: [{ name: 'calc', inputSchema: { type: 'object' as const } }],
      };
      const request = { method: 'sampling/createMessage', params } as const;
      return say(await outcome(extra.sendRequest(request, CreateMessageResultSchema)));
    },
    roots: async (_args, extra) =>
      say(await outcome(extra.sendRequest({ method: 'roots/list' }, ListRootsResultSchema))),
    forget: async (_args, extra) =>
      say(await elicit(extra, form('never mind'), AbortSignal.timeout(100))),
    steps: async (_args, extra) => {
      // oxlint-disable-next-line no-underscore-dangle -- the protocol's own name
      const progressToken = extra._meta?.progressToken;
      const step = async (progress: number): Promise<void> => {
        if (progressToken === undefined) return;
        await extra.sendNotification({
          method: 'notifications/progress',
          params: { progressToken, progress },
        });
      };
      await step(1);
      const answer = await elicit(extra, form('go on?'));
      await step(2);
      for (const level of ['debug', 'warning'] as const) {
        await extra.sendNotification({
          method: 'notifications/message',
          params: { level, data: `a ${level}` },
        });
      }
      return say(answer);
    },
    visit: async () => {
      if (server.visited) return say('welcome');
      throw new UrlElicitationRequiredError([
        { mode: 'url', message: 'Sign in', url: 'https://example.com/in', elicitationId: 'e-2' },
      ]);
    },
    wait: async ({ name }, extra) => {
      extra.signal.addEventListener('abort', () => void server.cancelled.push(String(name)));
      await delay(60_000, undefined, { signal: extra.signal }).catch(() => undefined);
      return say('waited');
    },
    ask_and_wait: async ({ name }, extra) => {
      const answer = await elicit(extra, form('?'));
      // Either may be first: that the call is cancelled, or that its question gets no answer.
      if (extra.signal.aborted || Object.hasOwn(Object(answer), 'code')) {
        server.cancelled.push(String(name));
      }
      return say(answer);
    },
  };
}

function newServer(tools: Record<string, Tool>, asking: AskingServer): Server {
  const server = new Server(
    { name: 'asking', version: '0' },
    { capabilities: { tools: {}, logging: {} } },
  );
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: Object.keys(tools).map((name) => ({ name, inputSchema: { type: 'object' as const } })),
  }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra) => {
    const answer = await tools[params.name]?.(params.arguments ?? {}, extra);
    return { content: [...(answer?.content ?? [])] };
  });
  server.setNotificationHandler(RootsListChangedNotificationSchema, () => {
    asking.rootsChanged += 1;
  });
  return server;
}

export async function startAskingServer(): Promise<AskingServer> {
  const transports = new Map<string, StreamableHTTPServerTransport>();
  const cancelled: string[] = [];
  const asking = {
    url: '',
    cancelled,
    visited: false,
    rootsChanged: 0,
    get sessions() {
      return transports.size;
    },
  } as AskingServer & { cancelled: string[] };
  const tools = toolsOf(asking);
  const transportFor = async (request: IncomingMessage): Promise<StreamableHTTPServerTransport> => {
    const known = transports.get(String(request.headers['mcp-session-id']));
    if (known !== undefined) return known;
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void transports.set(id, transport),
      onsessionclosed: (id) => void transports.delete(id),
    });
    await newServer(tools, asking).connect(transport);
    return transport;
  };
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> =>
    await (await transportFor(request)).handleRequest(request, response);
  const http = createServer((request, response) => void handle(request, response));
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  return Object.assign(asking, {
    url: `http://127.0.0.1:${port}/mcp`,
    [Symbol.asyncDispose]: async () => {
      http.close();
      http.closeAllConnections();
      await Promise.all([...transports.values()].map(async (transport) => await transport.close()));
    },
  });
}
