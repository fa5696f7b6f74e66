import type { JsonObject, RawMember } from '../../protocol/message.ts';
import { META } from '../../protocol/revision.ts';
import type { Caller } from '../../upstream/upstream.ts';

/** What a server may ask a client, in either era (spec 2026-07-28, basic/patterns/mrtr; 2025-11-25, client). */
export const QUESTION_METHODS: ReadonlySet<string> = new Set([
  'sampling/createMessage',
  'elicitation/create',
  'roots/list',
]);

function memberOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? Reflect.get(value, key)
    : undefined;
}

function declares(capabilities: JsonObject, capability: string, part?: string): boolean {
  const declared = memberOf(capabilities, capability);
  if (typeof declared !== 'object' || declared === null) return false;
  return part === undefined || memberOf(declared, part) !== undefined;
}

/** An empty `elicitation` means forms: the modes came later (spec 2025-11-25, client/elicitation). */
function declaresForm(capabilities: JsonObject): boolean {
  if (!declares(capabilities, 'elicitation')) return false;
  return (
    declares(capabilities, 'elicitation', 'form') || !declares(capabilities, 'elicitation', 'url')
  );
}

/**
 * The capability a client would need to be asked this and has not declared, e.g. `elicitation.url`; undefined when
 * it can be asked.
 * @param params the parsed `params` of the question.
 */
export function missingCapability(
  method: string,
  params: unknown,
  capabilities: JsonObject,
): string | undefined {
  if (method === 'roots/list') return declares(capabilities, 'roots') ? undefined : 'roots';
  if (method === 'elicitation/create') {
    const url = memberOf(params, 'mode') === 'url';
    const can = url ? declares(capabilities, 'elicitation', 'url') : declaresForm(capabilities);
    return can ? undefined : `elicitation.${url ? 'url' : 'form'}`;
  }
  if (method !== 'sampling/createMessage') return method;
  if (!declares(capabilities, 'sampling')) return 'sampling';
  const tools = memberOf(params, 'tools') ?? memberOf(params, 'toolChoice');
  // `includeContext` without `sampling.context` is only discouraged, so it is let through.
  return tools === undefined || declares(capabilities, 'sampling', 'tools')
    ? undefined
    : 'sampling.tools';
}

/** A legacy client's capabilities as the modern revision writes them: no list changes of roots, no core tasks. */
export function modernCapabilities(capabilities: JsonObject): JsonObject {
  const { roots, tasks: _tasks, ...same } = capabilities;
  return roots === undefined ? same : { ...same, roots: {} };
}

const NO_ENVELOPE: readonly RawMember[] = [];

/** The client of one modern request. What it declared is read only when somebody asks. */
export class ModernCaller implements Caller {
  readonly id: string = '';
  readonly envelope: readonly RawMember[] = NO_ENVELOPE;
  readonly #meta: readonly RawMember[];

  constructor(meta: readonly RawMember[]) {
    this.#meta = meta;
  }

  get capabilities(): JsonObject {
    const declared: unknown = this.#read(META.clientCapabilities);
    return isObject(declared) ? declared : {};
  }

  #read(key: string): unknown {
    const member = this.#meta.find((candidate) => candidate.key === key);
    return member && JSON.parse(member.text);
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A capability like `sampling.tools` as an object: what a client would have to declare. */
export function requiredCapabilities(capability: string): JsonObject {
  return capability.split('.').reduceRight<JsonObject>((inner, key) => ({ [key]: inner }), {});
}
