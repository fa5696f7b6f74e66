import type { RequestParams } from '../../protocol/json-rpc.ts';
import { LIST_SHAPES, type ListKind } from '../../protocol/list-kind.ts';
import { ProtocolError, RPC, type JsonObject, type JsonRpcId } from '../../protocol/message.ts';
import { TASKS_EXTENSION, allowsTasks } from '../call/tasks.ts';

/** The members of a filter that name lists. */
export const LIST_FLAGS: ReadonlyMap<string, readonly ListKind[]> = new Map([
  ['toolsListChanged', ['tools']],
  ['promptsListChanged', ['prompts']],
  ['resourcesListChanged', ['resources', 'resourceTemplates']],
]);

interface FilteringRequest {
  readonly id: JsonRpcId;
  readonly params: RequestParams;
}

/** What a `subscriptions/listen` request asks for. */
export interface ListenFilter {
  readonly flags: readonly string[];
  readonly resources: readonly string[];
  /** Ids of tasks (extension `io.modelcontextprotocol/tasks`). */
  readonly tasks: readonly string[];
}

function invalid(id: JsonRpcId, why: string): ProtocolError {
  return new ProtocolError(RPC.invalidParams, `Invalid params: ${why}`, { id });
}

/** Whether a value is an object of JSON. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readNames(
  { id, params }: FilteringRequest,
  key: 'resourceSubscriptions' | 'taskIds',
  max: number,
): readonly string[] {
  const { [key]: names = [] } = Object(params.value['notifications']);
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) {
    throw invalid(id, `notifications.${key} must be an array of strings`);
  }
  if (names.length > max) throw invalid(id, `notifications.${key} has more than ${max} entries`);
  return [...new Set(names)];
}

/** Who asks for tasks must say that he knows them (SEP-2663, task status notifications). */
function readTasks(request: FilteringRequest, max: number): readonly string[] {
  const { id, params } = request;
  const tasks = readNames(request, 'taskIds', max);
  if (tasks.length === 0 || allowsTasks(params.meta)) return tasks;
  const message = `Missing required client capability: extension ${TASKS_EXTENSION}`;
  const requiredCapabilities = { extensions: { [TASKS_EXTENSION]: {} } };
  const data = { requiredCapabilities };
  throw new ProtocolError(RPC.missingClientCapability, message, { id, data });
}

/** @throws ProtocolError `-32602` for a filter that cannot be understood, `-32021` for tasks the client does not know. */
export function readFilter(request: FilteringRequest, maxNames: number): ListenFilter {
  const { id, params } = request;
  const { notifications } = params.value;
  if (!isObject(notifications)) throw invalid(id, 'notifications must be an object');
  const flags = [...LIST_FLAGS.keys()].filter((flag) => {
    const value = notifications[flag];
    if (value !== undefined && typeof value !== 'boolean') {
      throw invalid(id, `notifications.${flag} must be true or false`);
    }
    return value === true;
  });
  return {
    flags,
    resources: readNames(request, 'resourceSubscriptions', maxNames),
    tasks: readTasks(request, maxNames),
  };
}

/** What is left of a filter of lists: what the endpoint offers. */
export function offeredFlags(
  flags: readonly string[],
  capabilities: JsonObject,
): readonly string[] {
  return flags.filter((flag) =>
    LIST_FLAGS.get(flag)?.some((kind) => {
      const capability = capabilities[LIST_SHAPES[kind].capability];
      return isObject(capability) && capability['listChanged'] === true;
    }),
  );
}
