import type { z } from 'zod';
import { RegistryError } from '../registry-error.ts';
import { getServer, listServers, registryStats } from './read-tools.ts';
import type { RegistryHandle } from './registry-handle.ts';
import { ToolError } from './tool-error.ts';
import * as schemas from './tool-schemas.ts';
import { registerServer, unregisterServer } from './write-tools.ts';

/** What a client is told about a tool's effects (MCP tool annotations). */
export interface ToolHints {
  readonly title: string;
  readonly readOnlyHint: boolean;
  readonly destructiveHint: boolean;
  readonly idempotentHint: boolean;
  readonly openWorldHint: boolean;
}

/** One tool as `tools/list` describes it. */
export interface RegistryToolDefinition {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: schemas.ToolSchema;
  readonly outputSchema: schemas.ToolSchema;
  readonly annotations: ToolHints;
}

/** What a call gives: as `tools/call` carries it. Errors have no structured content. */
export interface RegistryToolResult {
  readonly content: readonly { readonly type: 'text'; readonly text: string }[];
  readonly structuredContent?: Readonly<Record<string, unknown>>;
  readonly isError?: true;
}

/** The tools of a registry, without a wire. */
export interface RegistryTools {
  readonly definitions: readonly RegistryToolDefinition[];
  /** Never rejects: what goes wrong is a result with `isError`. Undefined for a name that is no tool. */
  call(name: string, args: unknown): Promise<RegistryToolResult> | undefined;
}

export interface RegistryToolsOptions {
  readonly handle: RegistryHandle;
  /** The wall clock, for the dates of what is registered. */
  readonly now: () => Date;
  /** Told of failures that are not the caller's. Default: ignored. */
  readonly onError?: (error: unknown) => void;
}

interface Tool {
  readonly definition: RegistryToolDefinition;
  run(handle: RegistryHandle, args: unknown, now: () => Date): Promise<Record<string, unknown>>;
}

interface ToolFacts<I extends z.ZodType> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: I;
  readonly output: z.ZodType;
  readonly hints: Omit<ToolHints, 'title'>;
}

function firstFault(error: z.ZodError): string {
  const [issue] = error.issues;
  const path = (issue?.path ?? []).map(String).join('.');
  return `${path === '' ? 'the arguments' : path}: ${issue?.message ?? 'is not valid'}`;
}

function tool<I extends z.ZodType>(
  facts: ToolFacts<I>,
  run: (
    handle: RegistryHandle,
    args: z.infer<I>,
    now: () => Date,
  ) => Promise<Record<string, unknown>>,
): Tool {
  const { name, title, description, input, output, hints } = facts;
  return {
    definition: {
      name,
      title,
      description,
      inputSchema: schemas.toolSchema(input, 'input'),
      outputSchema: schemas.toolSchema(output, 'output'),
      annotations: { title, ...hints },
    },
    run: async (handle, args, now) => {
      const parsed = input.safeParse(args ?? {});
      if (!parsed.success) throw new ToolError('validation_error', firstFault(parsed.error));
      return run(handle, parsed.data, now);
    },
  };
}

const reads = {
  readOnlyHint: true,
  destructiveHint: false,
  idempotentHint: true,
  openWorldHint: false,
};
const writes = { ...reads, readOnlyHint: false, destructiveHint: true };

function readTools(): Tool[] {
  const { listInput, listOutput, getInput, getOutput, statsInput, statsOutput } = schemas;
  return [
    tool(
      {
        name: 'list',
        title: 'List servers',
        description: 'MCP servers the registry knows, filtered and in pages. Secrets are redacted.',
        input: listInput,
        output: listOutput,
        hints: reads,
      },
      listServers,
    ),
    tool(
      {
        name: 'get',
        title: 'Show a server',
        description: 'All that the registry knows about one MCP server. Secrets are redacted.',
        input: getInput,
        output: getOutput,
        hints: reads,
      },
      getServer,
    ),
    tool(
      {
        name: 'stats',
        title: 'Count servers',
        description: 'How many servers the registry holds, by kind, and how far the disk is.',
        input: statsInput,
        output: statsOutput,
        hints: reads,
      },
      registryStats,
    ),
  ];
}

function writeTools(): Tool[] {
  const { registerInput, registerOutput, unregisterInput, unregisterOutput } = schemas;
  return [
    tool(
      {
        name: 'register',
        title: 'Register a server',
        description:
          'Stores an MCP server as data: nothing is run or connected until the operator enables it.',
        input: registerInput,
        output: registerOutput,
        hints: { ...writes, idempotentHint: false },
      },
      registerServer,
    ),
    tool(
      {
        name: 'unregister',
        title: 'Remove a server',
        description: 'Removes an entry that was registered. Those of the operator stay.',
        input: unregisterInput,
        output: unregisterOutput,
        hints: writes,
      },
      unregisterServer,
    ),
  ];
}

/** Codes that are the store's state and not the caller's fault. */
const unavailable: ReadonlySet<string> = new Set([
  'ENOSPC',
  'EDQUOT',
  'EFBIG',
  'EROFS',
  'EACCES',
  'EPERM',
  'EIO',
  'EBUSY',
  'ELOCKED',
  'EREGISTRYLOST',
  'EREGISTRYFULL',
  'EREGISTRYCLOSED',
]);

function toToolError(error: unknown): ToolError {
  if (error instanceof ToolError) return error;
  if (error instanceof RegistryError) {
    if (error.code === 'EINVALIDRECORD') return new ToolError('validation_error', error.message);
    if (unavailable.has(error.code))
      return new ToolError('unavailable', `${error.code}: ${error.message}`, error);
  }
  return new ToolError('internal_error', 'the registry could not do this', error);
}

function failed(error: ToolError): RegistryToolResult {
  const { code, message } = error;
  return {
    content: [{ type: 'text', text: JSON.stringify({ error: { code, message } }) }],
    isError: true,
  };
}

function succeeded(value: Record<string, unknown>): RegistryToolResult {
  return { content: [{ type: 'text', text: JSON.stringify(value) }], structuredContent: value };
}

/**
 * The registry as MCP tools: list, get, register, unregister, stats (S4-28, B5). Answers are bounded, paged by a cursor
 * and redacted; what is registered is stored inert, and entries of the operator can be neither replaced nor removed.
 */
export function createRegistryTools(options: RegistryToolsOptions): RegistryTools {
  const tools = new Map([...readTools(), ...writeTools()].map((one) => [one.definition.name, one]));
  const { handle, now, onError = () => undefined } = options;
  async function run(one: Tool, args: unknown): Promise<RegistryToolResult> {
    try {
      return succeeded(await one.run(handle, args, now));
    } catch (error) {
      const failure = toToolError(error);
      if (failure.code === 'internal_error' || failure.code === 'unavailable')
        onError(failure.cause);
      return failed(failure);
    }
  }
  return {
    definitions: [...tools.values()].map(({ definition }) => definition),
    call: (name, args) => {
      const one = tools.get(name);
      return one === undefined ? undefined : run(one, args);
    },
  };
}
