// A gateway as one makes it of the official SDKs: a server in front, a client behind, nothing of ours in between.
// Told what to be by messages of the process that started it; see packages/mcp/bench/lib/subject-protocol.ts.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Server as LegacyServer } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { createMcpHandler, Server as ModernServer } from '@modelcontextprotocol/server';

const INFO = { name: 'sdk-gateway', version: '0' };
const CAPABILITIES = { capabilities: { tools: {} } };

interface Command {
  readonly kind: string;
  readonly options?: { readonly era: string; readonly urls: readonly string[] };
}

interface NamedTool {
  readonly name: string;
}

/** The part of a client that both SDKs have. */
interface Caller<Tool extends NamedTool, Result> {
  list(): Promise<readonly Tool[]>;
  call(name: string, args: Record<string, unknown>): Promise<Result>;
}

/** Names are those of Cortex MCP, so that the same load fits. */
function prefixOf(index: number): string {
  return `server-${String(index).padStart(3, '0')}__`;
}

async function listAll<Tool extends NamedTool, Result>(
  callers: readonly Caller<Tool, Result>[],
): Promise<Tool[]> {
  const lists = await Promise.all(
    callers.map(async (caller, index) => {
      const tools = await caller.list();
      return tools.map((tool) =>
        Object.assign({}, tool, { name: `${prefixOf(index)}${tool.name}` }),
      );
    }),
  );
  return lists.flat();
}

async function callOne<Tool extends NamedTool, Result>(
  callers: readonly Caller<Tool, Result>[],
  name: string,
  args: Record<string, unknown> | undefined,
): Promise<Result> {
  const [prefix = '', own = ''] = name.split('__', 2);
  const caller = callers[Number(prefix.slice('server-'.length))];
  if (caller === undefined) throw new Error(`nobody offers ${name}`);
  return await caller.call(own, args ?? {});
}

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer({ keepAliveTimeout: 600_000 }, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
}

async function modernCaller(url: string) {
  const client = new ModernClient(INFO, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
  await client.connect(new ModernTransport(new URL(url)));
  return {
    list: async () => (await client.listTools()).tools,
    call: async (name: string, args: Record<string, unknown>) =>
      await client.callTool({ name, arguments: args }),
  };
}

async function legacyCaller(url: string) {
  const client = new LegacyClient(INFO);
  await client.connect(new LegacyTransport(new URL(url)));
  return {
    list: async () => (await client.listTools()).tools,
    call: async (name: string, args: Record<string, unknown>) =>
      await client.callTool({ name, arguments: args }),
  };
}

async function startModern(urls: readonly string[]): Promise<string> {
  const callers = await Promise.all(urls.map(modernCaller));
  const handler = createMcpHandler(
    () => {
      const server = new ModernServer(INFO, CAPABILITIES);
      server.setRequestHandler('tools/list', async () => ({ tools: await listAll(callers) }));
      server.setRequestHandler('tools/call', async ({ params }) =>
        callOne(callers, params.name, params.arguments),
      );
      return server;
    },
    { legacy: 'reject' },
  );
  const handle = toNodeHandler(handler);
  return await listen((request, response) => {
    // What Node types as perhaps undefined it leaves out here.
    void handle(request as Parameters<typeof handle>[0], response);
  });
}

async function startLegacy(urls: readonly string[]): Promise<string> {
  const callers = await Promise.all(urls.map(legacyCaller));
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  async function open(): Promise<StreamableHTTPServerTransport> {
    const server = new LegacyServer(INFO, CAPABILITIES);
    server.setRequestHandler(ListToolsRequestSchema, async () => ({
      tools: await listAll(callers),
    }));
    server.setRequestHandler(CallToolRequestSchema, async ({ params }) =>
      callOne(callers, params.name, params.arguments),
    );
    const transport: StreamableHTTPServerTransport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      enableJsonResponse: true,
      onsessioninitialized: (id) => void sessions.set(id, transport),
      onsessionclosed: (id) => void sessions.delete(id),
    });
    await server.connect(transport);
    return transport;
  }
  return await listen((request, response) => {
    const known = sessions.get(String(request.headers['mcp-session-id'] ?? ''));
    void Promise.resolve(known ?? open()).then(async (transport) =>
      transport.handleRequest(request, response),
    );
  });
}

async function answer({ kind, options }: Command): Promise<object> {
  if (kind === 'start' && options !== undefined) {
    const start = options.era === 'modern' ? startModern : startLegacy;
    return { kind: 'started', url: await start(options.urls) };
  }
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, external } = process.memoryUsage();
  const usage = {
    cpuUs: user + system,
    // Not watched.
    gcUs: 0,
    rssBytes: rss,
    heapBytes: heapUsed,
    externalBytes: external,
  };
  return { kind: 'usage', usage };
}

process.on('message', (command: Command) => {
  void answer(command)
    .catch((error: unknown) => ({ kind: 'failed', why: String(error) }))
    .then((reply) => process.connected && process.send?.(reply));
});
process.on('disconnect', () => process.exit());
