import type { CatalogView, ServerBehind } from '../catalog/catalog.ts';
import { LIST_KINDS, LIST_SHAPES } from '../protocol/list-kind.ts';
import type { JsonObject } from '../protocol/message.ts';
import type { Era } from '../protocol/revision.ts';
import type { UpstreamInfo } from '../upstream/upstream.ts';
import { TASKS_EXTENSION } from './call/tasks.ts';

/** Who we say we are on the shared endpoint. */
export interface ServerIdentity extends JsonObject {
  readonly name: string;
  readonly title: string;
  readonly version: string;
}

/** What an endpoint says of itself in `initialize` and `server/discover`. */
export interface EndpointProfile {
  readonly serverInfo: JsonObject;
  readonly capabilities: JsonObject;
  readonly instructions: string | undefined;
}

export interface ProfileContext {
  /** Undefined: the shared endpoint. */
  readonly connectorId: string | undefined;
  readonly identity: ServerIdentity;
  /** False while something is not known yet of a connector: what it may offer is offered. */
  readonly complete: boolean;
  readonly era: Era;
}

/** Extensions that the shared endpoint relays: MCP Apps need nothing but to be passed on, tasks an id of ours. */
const RELAYED_EXTENSIONS: readonly string[] = ['io.modelcontextprotocol/ui', TASKS_EXTENSION];
/** The most instructions of connectors together, in characters. */
const MAX_INSTRUCTIONS = 16_384;
/** The core tasks of 2025-11-25, which are nothing to clients and servers of the next revision. */
const CORE_TASKS = 'tasks';

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The shared endpoint speaks as us and offers every list, as connectors come and go. `/mcp/{connector}` speaks as the
 * server behind it, as far as that is known, and offers what it offers.
 */
export function profileOf(view: CatalogView<unknown>, context: ProfileContext): EndpointProfile {
  const { connectorId } = context;
  const info = connectorId === undefined ? undefined : view.info;
  return {
    serverInfo: serverInfoOf(view, context),
    capabilities:
      info === undefined
        ? sharedCapabilities(view.servers, context)
        : ownCapabilities(info, context.era),
    instructions: info === undefined ? mergedInstructions(view.servers) : info.instructions,
  };
}

/** As whom an endpoint speaks; the same object as long as it is the same. */
export function serverInfoOf(
  view: CatalogView<unknown>,
  { connectorId, identity }: Pick<ProfileContext, 'connectorId' | 'identity'>,
): JsonObject {
  const info = connectorId === undefined ? undefined : view.info;
  return info?.serverInfo ?? identity;
}

/** What one server offers. Changes of its lists are told whether or not it tells us: a refresh finds them. */
function ownCapabilities({ capabilities, era: serverEra }: UpstreamInfo, era: Era): JsonObject {
  const hasTasks = era === 'legacy' && serverEra === 'legacy';
  const entries = Object.entries(capabilities).filter(([key]) => hasTasks || key !== CORE_TASKS);
  return Object.fromEntries(
    entries.map(([key, value]) => {
      const isList = LIST_KINDS.some((kind) => LIST_SHAPES[kind].capability === key);
      return [key, isList ? { ...(isObject(value) && value), listChanged: true } : value];
    }),
  );
}

function sharedCapabilities(
  servers: readonly ServerBehind<unknown>[],
  { complete, era }: ProfileContext,
): JsonObject {
  const has = (key: string): boolean =>
    !complete || servers.some(({ info }) => Object.hasOwn(info.capabilities, key));
  const subscribe =
    !complete ||
    servers.some(({ info: { capabilities } }) => {
      const { resources } = capabilities;
      return isObject(resources) && resources['subscribe'] === true;
    });
  const extensions = sharedExtensions(servers);
  const tasks = era === 'legacy' ? sharedTasks(servers) : undefined;
  return {
    tools: { listChanged: true },
    prompts: { listChanged: true },
    resources: { listChanged: true, ...(subscribe && { subscribe: true }) },
    ...(has('completions') && { completions: {} }),
    ...(has('logging') && { logging: {} }),
    ...(extensions !== undefined && { extensions }),
    ...(tasks !== undefined && { tasks }),
  };
}

/** Listing them is ours; what else can be done with them differs from server to server. */
function sharedTasks(servers: readonly ServerBehind<unknown>[]): JsonObject | undefined {
  const known = servers.filter(({ info: { era } }) => era === 'legacy');
  const found = known.map(({ info }) => info.capabilities[CORE_TASKS]).filter(isObject);
  if (found.length === 0) return undefined;
  const cancel = found.some((tasks) => tasks['cancel'] !== undefined);
  return { list: {}, ...(cancel && { cancel: {} }), requests: { tools: { call: {} } } };
}

function sharedExtensions(servers: readonly ServerBehind<unknown>[]): JsonObject | undefined {
  const found: Record<string, unknown> = {};
  for (const { info } of servers) {
    const { extensions } = info.capabilities;
    if (!isObject(extensions)) continue;
    for (const key of RELAYED_EXTENSIONS) {
      if (Object.hasOwn(extensions, key)) found[key] ??= extensions[key];
    }
  }
  return Object.keys(found).length === 0 ? undefined : found;
}

/** The instructions of all servers, each under the connector's id; what does not fit is left out whole. */
function mergedInstructions(servers: readonly ServerBehind<unknown>[]): string | undefined {
  let merged = '';
  for (const { connectorId, info } of servers) {
    if (info.instructions === undefined || info.instructions.trim() === '') continue;
    const section = `# ${connectorId}\n${info.instructions.trim()}\n`;
    if (merged.length + section.length <= MAX_INSTRUCTIONS) merged += `${merged && '\n'}${section}`;
  }
  return merged === '' ? undefined : merged;
}
