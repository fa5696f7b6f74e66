import { findMember, objectMembers, replaceSpan } from './json-scan.ts';
import type { JsonObject } from './message.ts';

/**
 * Tools whose output is no object: the modern revision allows any schema and value, the legacy ones objects only.
 * Legacy clients see them wrapped under `result` (SEP-2106), as the official servers do it.
 */

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const REFERENCES: ReadonlySet<string> = new Set(['$ref', '$dynamicRef']);
/** Values of these are data: a `$ref` in them points nowhere. */
const DATA_KEYWORDS: ReadonlySet<string> = new Set(['const', 'enum', 'default', 'examples']);
/** Values of these are schemas by name: their keys are no keywords. */
const NAMED_KEYWORDS: ReadonlySet<string> = new Set([
  'properties',
  'patternProperties',
  '$defs',
  'definitions',
  'dependentSchemas',
  'dependencies',
]);

/** A schema one level deeper than it was written: pointers into its own document follow. */
function moved(schema: unknown, isNamed = false): unknown {
  if (Array.isArray(schema)) return schema.map((item) => moved(item));
  if (!isObject(schema)) return schema;
  const { $id: base } = schema;
  // Below an id of its own, pointers start there.
  if (!isNamed && typeof base === 'string' && !base.startsWith('#')) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => {
      if (isNamed) return [key, moved(value)];
      if (REFERENCES.has(key) && typeof value === 'string' && /^#(\/|$)/.test(value)) {
        return [key, `#/properties/result${value.slice(1)}`];
      }
      if (DATA_KEYWORDS.has(key)) return [key, value];
      return [key, moved(value, NAMED_KEYWORDS.has(key))];
    }),
  );
}

/**
 * A tool as legacy clients see it, when they must see it differently.
 * @param text raw JSON of the tool.
 */
export function legacyToolText(text: string): string | undefined {
  const span = findMember(objectMembers(text), 'outputSchema');
  if (span === undefined) return undefined;
  const schema: unknown = JSON.parse(text.slice(span.start, span.end));
  if (!isObject(schema) || schema['type'] === 'object') return undefined;
  const { $schema: dialect } = schema;
  const wrapped = {
    ...(dialect !== undefined && { $schema: dialect }),
    type: 'object',
    properties: { result: moved(schema) },
    required: ['result'],
  };
  return replaceSpan(text, span, JSON.stringify(wrapped));
}

/**
 * Whether legacy clients see a tool's output under `result`.
 * @param start the output as raw JSON, or how that begins.
 * @param wraps whether the tool's output schema was wrapped.
 */
export function mustWrap(start: string, wraps: boolean | undefined): boolean {
  return wraps === true || !start.startsWith('{');
}

/**
 * A tool's result as legacy clients see it.
 * @param text raw JSON of the result.
 * @param wraps whether the tool's output schema was wrapped.
 */
export function legacyToolResult(text: string, wraps: boolean): string {
  const span = findMember(objectMembers(text), 'structuredContent');
  if (span === undefined) return text;
  const value = text.slice(span.start, span.end);
  return mustWrap(value, wraps) ? replaceSpan(text, span, `{"result":${value}}`) : text;
}
