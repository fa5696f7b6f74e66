import type { JsonObject } from '../../protocol/message.ts';
import { META } from '../../protocol/revision.ts';

/** An update without the tag of the stream it came on. */
export interface Update {
  /** The URI of a resource, or the id of a task. */
  readonly name: string;
  readonly text: string;
  /** The text for a client that knows `name` by another. */
  as(shownName: string): string;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Reads `notifications/resources/updated`, or `notifications/tasks`, whose text was read by us before.
 * @param key the member of `params` that says of what; undefined is returned when it does not.
 */
export function readUpdate(text: string, key: 'uri' | 'taskId'): Update | undefined {
  const message: unknown = JSON.parse(text);
  const params = isObject(message) ? message['params'] : undefined;
  const name = isObject(params) ? params[key] : undefined;
  if (!isObject(message) || !isObject(params) || typeof name !== 'string') return undefined;
  const { _meta: meta, ...rest } = params;
  const tags = isObject(meta) ? Object.entries(meta) : [];
  const kept = tags.filter(([tag]) => tag !== META.subscriptionId);
  const clean = kept.length === 0 ? rest : { ...rest, _meta: Object.fromEntries(kept) };
  const write = (shown: string): string =>
    JSON.stringify({ ...message, params: { ...clean, [key]: shown } });
  return { name, text: tags.length === kept.length ? text : write(name), as: write };
}
