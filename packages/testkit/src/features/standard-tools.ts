import { setTimeout as delay } from 'node:timers/promises';
import type { JsonObject as Json } from '../json-object.ts';
import { INVALID_PARAMS, RpcError, type CallContext } from './call-context.ts';
import { oddResult } from './odd-result.ts';

/** A tool as `tools/list` shows it, and what calling it does. */
export interface StandardTool {
  readonly definition: Json & { readonly name: string };
  call(args: Json, context: CallContext): Json | Promise<Json>;
}

export interface StandardToolsOptions {
  /** Told each time a call is given up by its client. */
  readonly onAborted: () => void;
  /** Reads one environment variable. With it the `env` tool exists; a server inside another process has none. */
  readonly readEnv?: (name: string) => string | undefined;
}

const MAX_BYTES = 64 * 1024 * 1024;
const MAX_STEPS = 10_000;
/** A red pixel. */
export const TINY_PNG: string =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';

const text = (value: string): Json => ({ content: [{ type: 'text', text: value }] });

function schema(properties: Json): Json {
  return { type: 'object', properties, required: Object.keys(properties) };
}

function stringArg(args: Json, name: string): string {
  const value = args[name];
  if (typeof value === 'string') return value;
  throw new RpcError(INVALID_PARAMS, `${name} must be a string`);
}

function numberArg(args: Json, name: string, max: number = Number.MAX_VALUE): number {
  const value = args[name];
  if (typeof value === 'number' && Math.abs(value) <= max) return value;
  throw new RpcError(INVALID_PARAMS, `${name} must be a number of at most ${max}`);
}

async function slow(args: Json, context: CallContext, onAborted: () => void): Promise<Json> {
  const ms = numberArg(args, 'ms');
  const steps = Math.max(1, numberArg(args, 'steps', MAX_STEPS));
  try {
    for (let step = 1; step <= steps; step += 1) {
      // Progress first: right before the result, clients may drop it.
      await context.progress(step, steps);
      await delay(ms / steps, undefined, { signal: context.signal });
    }
  } catch (error) {
    if (context.signal.aborted) onAborted();
    throw error;
  }
  return text(`slept ${ms} ms in ${steps} steps`);
}

const number = { type: 'number' };
const string = { type: 'string' };
const integer = { type: 'integer', minimum: 0 };

function fixedTools(): StandardTool[] {
  return [
    {
      definition: {
        name: 'echo',
        title: 'Echo',
        description: 'Returns the message.',
        inputSchema: schema({ message: string }),
      },
      call: (args) => text(stringArg(args, 'message')),
    },
    {
      definition: {
        name: 'add',
        description: 'Adds two numbers.',
        inputSchema: schema({ a: number, b: number }),
        outputSchema: schema({ sum: number }),
        annotations: { readOnlyHint: true, idempotentHint: true },
      },
      call: (args) => {
        const sum = numberArg(args, 'a') + numberArg(args, 'b');
        return { ...text(JSON.stringify({ sum })), structuredContent: { sum } };
      },
    },
    {
      definition: { name: 'image', description: 'Returns one pixel.', inputSchema: schema({}) },
      call: () => ({ content: [{ type: 'image', data: TINY_PNG, mimeType: 'image/png' }] }),
    },
    {
      definition: { name: 'fail', description: 'Reports a tool error.', inputSchema: schema({}) },
      call: () => ({ ...text('this tool always fails'), isError: true }),
    },
    {
      definition: { name: 'throw', description: 'A protocol error.', inputSchema: schema({}) },
      call: () => {
        throw new RpcError(-32_000, 'thrown on purpose', { reason: 'test', detail: [1, 'ü'] });
      },
    },
    {
      definition: {
        name: 'odd',
        description: 'A result no schema describes.',
        inputSchema: schema({}),
        _meta: { 'com.example/kept': true },
        'x-vendor/tool': { kept: true },
      },
      call: () => oddResult(),
    },
    {
      definition: {
        name: 'big',
        description: 'Text of the given size.',
        inputSchema: schema({ bytes: integer }),
      },
      call: (args) => text('x'.repeat(numberArg(args, 'bytes', MAX_BYTES))),
    },
  ];
}

/** The tools every server has: echo, add, image, fail, throw, odd, big, slow, and env in a process of its own. */
export function createStandardTools(options: StandardToolsOptions): readonly StandardTool[] {
  const { onAborted, readEnv } = options;
  const slowTool: StandardTool = {
    definition: {
      name: 'slow',
      description: 'Takes `ms` milliseconds and reports progress `steps` times.',
      inputSchema: schema({ ms: integer, steps: integer }),
    },
    call: async (args, context) => slow(args, context, onAborted),
  };
  const envTool = (read: NonNullable<typeof readEnv>): StandardTool => ({
    definition: {
      name: 'env',
      description: 'Reads a variable of the process.',
      inputSchema: schema({ name: string }),
    },
    call: (args) => text(read(stringArg(args, 'name')) ?? ''),
  });
  return [...fixedTools(), slowTool, ...(readEnv === undefined ? [] : [envTool(readEnv)])];
}
