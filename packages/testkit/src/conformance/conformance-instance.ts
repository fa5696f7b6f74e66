import {
  CLIENT_CAPABILITIES_META_KEY,
  fromJsonSchema,
  McpServer,
  type CacheHint,
  type RegisteredTool,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { asJsonObject, type JsonObject } from '../json-object.ts';
import { ASKING_TOOLS } from './asking-tools.ts';
import { CANARY_TOOLS } from './canary-tools.ts';
import { text, type ConformanceTool, type ToolContext } from './conformance-tool.ts';
import type { ConformanceWorld, WorldChange } from './conformance-world.ts';
import { CONTENT_TOOLS } from './content-tools.ts';
import { registerPrompts, registerResources } from './documents.ts';
import { NOTIFYING_TOOLS } from './notifying-tools.ts';
import { ROUND_TOOLS } from './round-tools.ts';

const LIST: CacheHint = { ttlMs: 60_000, cacheScope: 'public' };
const READ: CacheHint = { ttlMs: 5_000, cacheScope: 'private' };

const TOOLS = [
  ...CONTENT_TOOLS,
  ...NOTIFYING_TOOLS,
  ...ASKING_TOOLS,
  ...ROUND_TOOLS,
  ...CANARY_TOOLS,
].map((tool) => ({
  tool,
  // Compiled once: a modern server is built for each request.
  schema:
    tool.inputSchema === undefined
      ? undefined
      : fromJsonSchema<JsonObject>({ ...tool.inputSchema }),
}));

const EXTRA_TOOL: ConformanceTool = {
  name: 'test_extra_tool',
  description: 'Comes and goes.',
  run: () => text('extra'),
};

/** One server of the SDK, for one request, session or process. */
export interface ConformanceInstance {
  readonly server: McpServer;
  /** Shows a change of the world, and tells the client when its connection can. */
  show(change: WorldChange): void;
}

function createServer(world: ConformanceWorld): McpServer {
  return new McpServer(
    { name: 'conformance', version: '1.0.0' },
    {
      instructions: 'A server with everything the conformance scenarios ask for.',
      capabilities: {
        tools: { listChanged: true },
        prompts: { listChanged: true },
        resources: { listChanged: true, subscribe: true },
        completions: {},
        logging: {},
      },
      cacheHints: {
        'server/discover': LIST,
        'tools/list': LIST,
        'prompts/list': LIST,
        'resources/list': LIST,
        'resources/templates/list': LIST,
        'resources/read': READ,
      },
      requestState: { verify: async (state, ctx) => world.requestState.verify(state, ctx) },
    },
  );
}

function registerTools(server: McpServer, world: ConformanceWorld): RegisteredTool {
  function toContext({ mcpReq, http }: ServerContext): ToolContext {
    const envelope: JsonObject = { ...mcpReq.envelope };
    return {
      request: mcpReq,
      closeStream: http?.closeSSE,
      clientCapabilities: asJsonObject(
        envelope[CLIENT_CAPABILITIES_META_KEY] ?? server.server.getClientCapabilities(),
      ),
      world,
    };
  }
  for (const { tool, schema } of TOOLS) {
    const { name, description } = tool;
    if (schema === undefined) {
      server.registerTool(name, { description }, async (ctx) => tool.run({}, toContext(ctx)));
    } else {
      server.registerTool(name, { description, inputSchema: schema }, async (args, ctx) =>
        tool.run(args, toContext(ctx)),
      );
    }
  }
  const { name, description } = EXTRA_TOOL;
  return server.registerTool(name, { description }, async (ctx) =>
    EXTRA_TOOL.run({}, toContext(ctx)),
  );
}

/** Remembers what the client of a session has subscribed to; modern clients listen instead. */
function registerSubscriptions(server: McpServer): ReadonlySet<string> {
  const subscribed = new Set<string>();
  server.server.setRequestHandler('resources/subscribe', ({ params }) => {
    subscribed.add(params.uri);
    return {};
  });
  server.server.setRequestHandler('resources/unsubscribe', ({ params }) => {
    subscribed.delete(params.uri);
    return {};
  });
  return subscribed;
}

/** Builds a server with everything the conformance scenarios ask for, as the world is now. */
export function createConformanceInstance(world: ConformanceWorld): ConformanceInstance {
  const server = createServer(world);
  const extraTool = registerTools(server, world);
  registerResources(server);
  const extraPrompt = registerPrompts(server);
  const subscribed = registerSubscriptions(server);
  extraTool.enabled = world.hasExtraTool;
  extraPrompt.enabled = world.hasExtraPrompt;

  function show(change: WorldChange): void {
    // Switching also tells the client.
    if (change.kind === 'tools') extraTool[world.hasExtraTool ? 'enable' : 'disable']();
    else if (change.kind === 'prompts') extraPrompt[world.hasExtraPrompt ? 'enable' : 'disable']();
    else if (subscribed.has(change.uri)) {
      server.server.sendResourceUpdated({ uri: change.uri }).catch(() => {
        // The session is being closed; its client reads again anyway.
      });
    }
  }
  return { server, show };
}
