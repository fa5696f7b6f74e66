import type { JsonObject } from './message.ts';
import { HEADER, decodeHeaderValue, encodeHeaderValue } from './revision.ts';

/** One argument of a tool that is repeated in a header (`x-mcp-header`, spec 2026-07-28, basic/transports). */
export interface HeaderParam {
  /** The header's name, lower case: `mcp-param-…`. */
  readonly header: string;
  /** Where the argument stands: keys from `arguments` down. */
  readonly path: readonly string[];
  readonly numeric: boolean;
}

/** What a tool's input schema says of headers. */
export type HeaderParams =
  | { readonly kind: 'valid'; readonly params: readonly HeaderParam[] }
  | { readonly kind: 'invalid'; readonly why: string };

const KEY = 'x-mcp-header';
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const PERMITTED_TYPES: ReadonlySet<unknown> = new Set(['string', 'integer', 'boolean']);
/** Keywords that hold one schema or an array of them, where an annotation must not stand. */
const SCHEMA_KEYWORDS: readonly string[] = [
  'items',
  'prefixItems',
  'contains',
  'additionalProperties',
  'unevaluatedProperties',
  'unevaluatedItems',
  'propertyNames',
  'oneOf',
  'anyOf',
  'allOf',
  'not',
  'if',
  'then',
  'else',
];
/** Keywords that hold schemas by name, where an annotation must not stand either. */
const NAMED_KEYWORDS: readonly string[] = [
  'patternProperties',
  'dependentSchemas',
  '$defs',
  'definitions',
];
const NO_PARAMS: HeaderParams = { kind: 'valid', params: [] };

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The schemas directly below one, but for those of `properties`. */
function unreachableBelow(schema: JsonObject): unknown[] {
  const single = SCHEMA_KEYWORDS.flatMap((keyword) => schema[keyword] ?? []);
  const named = NAMED_KEYWORDS.flatMap((keyword) => {
    const members = schema[keyword];
    return isObject(members) ? Object.values(members) : [];
  });
  return [...single, ...named];
}

class Scan {
  readonly params: HeaderParam[] = [];
  readonly #headers = new Set<string>();
  problem: string | undefined;

  visit(node: unknown, path: readonly string[], reachable: boolean): void {
    if (this.problem !== undefined || !isObject(node)) return;
    if (Object.hasOwn(node, KEY)) this.#declare(node, path, reachable);
    const { properties } = node;
    if (isObject(properties)) {
      for (const [key, child] of Object.entries(properties)) {
        this.visit(child, [...path, key], reachable);
      }
    }
    for (const child of unreachableBelow(node)) this.visit(child, path, false);
  }

  #declare(node: JsonObject, path: readonly string[], reachable: boolean): void {
    const name = node[KEY];
    const where = path.join('.') || 'the root';
    if (!reachable || path.length === 0) {
      this.problem = `has ${KEY} at ${where}, which a chain of properties does not reach`;
    } else if (typeof name !== 'string' || !TOKEN.test(name)) {
      this.problem = `has an ${KEY} at ${where} that is no header name`;
    } else if (!PERMITTED_TYPES.has(node['type'])) {
      this.problem = `has ${KEY} at ${where}, which is no string, integer or boolean`;
    } else {
      const header = HEADER.paramPrefix + name.toLowerCase();
      if (this.#headers.has(header)) this.problem = `declares ${header} twice`;
      this.#headers.add(header);
      this.params.push({ header, path, numeric: node['type'] === 'integer' });
    }
  }
}

/** Reads the header annotations of a tool; `toolText` is its raw JSON, of bounded depth. */
export function readHeaderParams(toolText: string): HeaderParams {
  // Few tools have any, and parsing them all would cost more than everything else.
  if (!toolText.includes(KEY) && !toolText.includes('\\u')) return NO_PARAMS;
  const tool: unknown = JSON.parse(toolText);
  const scan = new Scan();
  scan.visit(isObject(tool) ? tool['inputSchema'] : undefined, [], true);
  return scan.problem === undefined
    ? { kind: 'valid', params: scan.params }
    : { kind: 'invalid', why: scan.problem };
}

function valueAt(root: unknown, path: readonly string[]): unknown {
  let node = root;
  for (const key of path) {
    if (!isObject(node) || !Object.hasOwn(node, key)) return undefined;
    node = node[key];
  }
  return node;
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  return Number.isSafeInteger(value) || (typeof value === 'number' && !Number.isInteger(value))
    ? String(value)
    : undefined;
}

function agrees(sent: string, value: unknown, { numeric }: HeaderParam): boolean {
  const decoded = decodeHeaderValue(sent);
  const isNumber = numeric && typeof value === 'number' && /^-?\d+(\.\d+)?$/.test(decoded);
  return isNumber ? Number(decoded) === value : decoded === textOf(value);
}

/**
 * Compares a call's arguments with its headers, as a server that reads the body must.
 * @returns the first header that is missing or differs; undefined when all agree.
 */
export function mismatchedHeader(
  params: readonly HeaderParam[],
  args: unknown,
  headers: Readonly<Record<string, string>>,
): string | undefined {
  const wrong = params.find((param) => {
    const value = valueAt(args, param.path);
    if (value === undefined || value === null || textOf(value) === undefined) return false;
    const sent = headers[param.header];
    return sent === undefined || !agrees(sent, value, param);
  });
  return wrong?.header;
}

/** The headers that repeat a call's arguments, for a client whose revision knows none. */
export function headersFor(params: readonly HeaderParam[], args: unknown): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const { header, path } of params) {
    const value = textOf(valueAt(args, path));
    if (value !== undefined) headers[header] = encodeHeaderValue(value);
  }
  return headers;
}
