import { INVALID_PARAMS, METHOD_NOT_FOUND, RpcError, type CallContext } from './call-context.ts';
import { asJsonObject, type JsonObject as Json } from '../json-object.ts';
import { answerDocuments } from './standard-documents.ts';
import { createStandardTools, type StandardTool } from './standard-tools.ts';

export interface FeatureSetOptions {
  readonly name: string;
  readonly toolCount: number;
  /** Undefined: one page. */
  readonly pageSize: number | undefined;
  readonly onAborted: () => void;
  readonly readEnv?: (name: string) => string | undefined;
}

/** What a server offers, answered as plain JSON for either SDK: their schemas would drop what is odd on purpose. */
export interface FeatureSet {
  readonly serverInfo: { readonly name: string; readonly version: string };
  readonly capabilities: {
    readonly tools: { readonly listChanged: true };
    readonly prompts: { readonly listChanged: true };
    readonly resources: { readonly listChanged: true };
  };
  readonly instructions: string;
  /** Answers one request. Rejects with an error that carries a JSON-RPC `code`. */
  handle(method: string, params: Json | undefined, context: CallContext): Promise<Json>;
  setTools(names: readonly string[]): void;
}

function generatedTool(name: string): StandardTool {
  return {
    definition: {
      name,
      description: `Generated tool ${name}.`,
      inputSchema: { type: 'object', properties: { value: { type: 'string' } } },
    },
    call: (args) => ({ content: [{ type: 'text', text: `${name}(${JSON.stringify(args)})` }] }),
  };
}

const encodeCursor = (offset: number): string => Buffer.from(`at:${offset}`).toString('base64url');

function decodeCursor(cursor: unknown): number {
  if (cursor === undefined) return 0;
  const text = typeof cursor === 'string' ? Buffer.from(cursor, 'base64url').toString() : '';
  const found = /^at:(\d+)$/u.exec(text);
  if (found?.[1] === undefined) throw new RpcError(INVALID_PARAMS, 'Invalid cursor');
  return Number(found[1]);
}

function listPage(tools: readonly StandardTool[], cursor: unknown, size: number): Json {
  const start = decodeCursor(cursor);
  const page = tools.slice(start, start + size).map((tool) => tool.definition);
  const next = start + size;
  return next < tools.length ? { tools: page, nextCursor: encodeCursor(next) } : { tools: page };
}

/** The standard tools, prompts and resources plus generated tools. */
export function createFeatureSet(options: FeatureSetOptions): FeatureSet {
  const standard = createStandardTools(options);
  let tools: readonly StandardTool[] = [];
  let byName = new Map<string, StandardTool>();

  function setTools(names: readonly string[]): void {
    tools = [...standard, ...names.map((name) => generatedTool(name))];
    byName = new Map(tools.map((tool) => [tool.definition.name, tool]));
  }
  setTools(Array.from({ length: options.toolCount }, (_, index) => `tool_${index}`));

  async function call(params: Json, context: CallContext): Promise<Json> {
    const tool = byName.get(String(params['name']));
    if (tool === undefined) {
      throw new RpcError(INVALID_PARAMS, `Tool ${String(params['name'])} not found`);
    }
    return tool.call(asJsonObject(params['arguments']), context);
  }

  return {
    serverInfo: { name: options.name, version: '1.0.0' },
    capabilities: {
      tools: { listChanged: true },
      prompts: { listChanged: true },
      resources: { listChanged: true },
    },
    instructions: `Test server ${options.name}.`,
    async handle(method, params = {}, context) {
      if (method === 'tools/list') {
        return listPage(tools, params['cursor'], options.pageSize ?? tools.length);
      }
      if (method === 'tools/call') return call(params, context);
      const answer = answerDocuments(method, params);
      if (answer === undefined) throw new RpcError(METHOD_NOT_FOUND, 'Method not found');
      return answer;
    },
    setTools,
  };
}
