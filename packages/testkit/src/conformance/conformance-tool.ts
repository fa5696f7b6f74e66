import type {
  CallToolResult,
  InputRequiredResult,
  InputResponseView,
  ServerContext,
} from '@modelcontextprotocol/server';
import { inputResponse } from '@modelcontextprotocol/server';
import type { JsonObject } from '../json-object.ts';
import type { ConformanceWorld } from './conformance-world.ts';

export type ToolAnswer = CallToolResult | InputRequiredResult;

/** What a tool may use while it answers one call, whatever the era. */
export interface ToolContext {
  readonly request: ServerContext['mcpReq'];
  /** Ends this call's event stream before its result. Only sessions with an event store can. */
  readonly closeStream: (() => void) | undefined;
  /** What the calling client has declared: per request in the modern era, in `initialize` before. */
  readonly clientCapabilities: JsonObject;
  readonly world: ConformanceWorld;
}

/** A tool of the conformance server, the same for every era and transport. */
export interface ConformanceTool {
  readonly name: string;
  readonly description: string;
  /** Undefined: the tool takes no arguments, and a call may leave `arguments` out. */
  readonly inputSchema?: Readonly<Record<string, unknown>>;
  run(args: JsonObject, context: ToolContext): ToolAnswer | Promise<ToolAnswer>;
}

export const text = (value: string): CallToolResult => ({
  content: [{ type: 'text', text: value }],
});

/** What the client answered to the request of this key in an earlier round. */
export function answered({ request }: ToolContext, key: string): InputResponseView {
  return inputResponse(request.inputResponses, key);
}

/** Sends progress when the client asked for it. */
export async function progress(
  { request }: ToolContext,
  value: { readonly progress: number; readonly total: number; readonly message?: string },
): Promise<void> {
  // eslint-disable-next-line no-underscore-dangle -- the protocol's own name
  const progressToken = request._meta?.progressToken;
  if (progressToken === undefined) return;
  await request.notify({
    method: 'notifications/progress',
    params: { progressToken, ...value },
  });
}
