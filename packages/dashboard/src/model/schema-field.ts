import { asArray, asNumber, asObject, asText, isObject, type JsonObject } from './json.ts';

interface Described {
  readonly title: string;
  readonly description: string;
  readonly isRequired: boolean;
  /** The value of `default`; undefined when the schema has none. */
  readonly standard: unknown;
  /** What else the schema asks for, in words: `1 to 100`, `date-time`. */
  readonly hint: string;
}

/** One input of a form made from a JSON Schema. What the form cannot show is `json`: a text of JSON. */
export type Field =
  | (Described & { readonly kind: 'text'; readonly isLong: boolean })
  | (Described & { readonly kind: 'number'; readonly isInteger: boolean })
  | (Described & { readonly kind: 'boolean' })
  | (Described & { readonly kind: 'choice'; readonly options: readonly unknown[] })
  | (Described & { readonly kind: 'list'; readonly item: Field; readonly maxItems: number })
  | (Described & { readonly kind: 'object'; readonly fields: readonly NamedField[] })
  | (Described & { readonly kind: 'json'; readonly why: string });

export interface NamedField {
  readonly key: string;
  readonly field: Field;
}

interface Place {
  readonly root: JsonObject;
  readonly depth: number;
  readonly name: string;
  readonly isRequired: boolean;
}

const MAX_DEPTH = 6;
const MAX_FIELDS = 200;
const MAX_ITEMS = 100;
const LONG_NAME =
  /(?:^|_|\b)(?:body|code|content|description|markdown|message|prompt|query|script|sql|text)s?$/i;

/** Follows references inside the schema (`#/$defs/…`); undefined for others, and for those that lead in a circle. */
function resolved(schema: JsonObject, root: JsonObject): JsonObject | undefined {
  let current = schema;
  for (let steps = 0; steps < 10; steps += 1) {
    const reference = asText(current['$ref']);
    if (reference === undefined) return current;
    if (!reference.startsWith('#')) return undefined;
    let target: unknown = root;
    for (const part of reference.slice(1).split('/').filter(Boolean)) {
      target = asObject(target)[part.replaceAll('~1', '/').replaceAll('~0', '~')];
    }
    if (!isObject(target)) return undefined;
    const { $ref: _, ...beside } = current;
    current = { ...target, ...beside };
  }
  return undefined;
}

function isNull(schema: unknown): boolean {
  return isObject(schema) && schema['type'] === 'null';
}

/** `anyOf: [X, null]` and `type: [X, null]` are X: an input that is left empty is not sent. */
function withoutNull(schema: JsonObject): JsonObject {
  for (const keyword of ['anyOf', 'oneOf']) {
    const members = asArray(schema[keyword]);
    const others = members.filter((one) => !isNull(one));
    const [only] = others;
    if (members.length > 1 && others.length === 1 && isObject(only)) {
      const { [keyword]: _, ...beside } = schema;
      return { ...only, ...beside };
    }
  }
  const types = asArray(schema['type']).filter((one) => one !== 'null');
  return types.length === 1 ? { ...schema, type: types[0] } : schema;
}

function rangeHint(low: number | undefined, high: number | undefined, what: string): string {
  if (low !== undefined && high !== undefined) return `${low} to ${high}${what}`;
  if (low !== undefined) return `at least ${low}${what}`;
  return high === undefined ? '' : `at most ${high}${what}`;
}

function hintOf(schema: JsonObject): string {
  const number = (key: string): number | undefined => asNumber(schema[key]);
  const pattern = asText(schema['pattern']);
  return [
    rangeHint(number('minimum'), number('maximum'), ''),
    rangeHint(number('minLength'), number('maxLength'), ' characters'),
    rangeHint(number('minItems'), number('maxItems'), ' items'),
    asText(schema['format']) ?? '',
    pattern === undefined ? '' : `matches ${pattern}`,
  ]
    .filter(Boolean)
    .join(', ');
}

function describe(schema: JsonObject, place: Place): Described {
  return {
    title: asText(schema['title']) ?? place.name,
    description: asText(schema['description']) ?? '',
    isRequired: place.isRequired,
    standard: schema['default'],
    hint: hintOf(schema),
  };
}

function choices(schema: JsonObject): readonly unknown[] | undefined {
  if ('const' in schema) return [schema['const']];
  if (Array.isArray(schema['enum'])) return schema['enum'].slice(0, 1000);
  // Titled choices: every member is one constant.
  const members = asArray(schema['oneOf'] ?? schema['anyOf']);
  if (members.length === 0 || !members.every((one) => isObject(one) && 'const' in one)) {
    return undefined;
  }
  return members.map((one) => asObject(one)['const']);
}

function objectField(schema: JsonObject, described: Described, place: Place): Field {
  const properties = Object.entries(asObject(schema['properties']));
  const required = new Set(asArray(schema['required']));
  if (properties.length === 0 && place.depth > 0) {
    return { ...described, kind: 'json', why: 'an object with any members' };
  }
  if (properties.length > MAX_FIELDS) {
    return { ...described, kind: 'json', why: `an object with more than ${MAX_FIELDS} members` };
  }
  const fields = properties.map(([key, child]) => {
    const { root, depth } = place;
    const isRequired = required.has(key);
    return { key, field: fieldAt(child, { root, depth: depth + 1, name: key, isRequired }) };
  });
  return { ...described, kind: 'object', fields };
}

function listField(schema: JsonObject, described: Described, place: Place): Field {
  if (!isObject(schema['items'])) return { ...described, kind: 'json', why: 'a list of anything' };
  const { root, depth } = place;
  const item = fieldAt(schema['items'], { root, depth: depth + 1, name: 'item', isRequired: true });
  const maxItems = Math.min(asNumber(schema['maxItems']) ?? MAX_ITEMS, MAX_ITEMS);
  return { ...described, kind: 'list', item, maxItems };
}

function typedField(schema: JsonObject, described: Described, place: Place): Field {
  const type = asText(schema['type']) ?? ('properties' in schema ? 'object' : '');
  switch (type) {
    case 'string': {
      const isLong = LONG_NAME.test(place.name) || (asNumber(schema['maxLength']) ?? 0) > 200;
      return { ...described, kind: 'text', isLong };
    }
    case 'number':
    case 'integer':
      return { ...described, kind: 'number', isInteger: type === 'integer' };
    case 'boolean':
      return { ...described, kind: 'boolean' };
    case 'array':
      return listField(schema, described, place);
    case 'object':
      return objectField(schema, described, place);
    default:
      return { ...described, kind: 'json', why: 'any JSON' };
  }
}

function fieldAt(value: unknown, place: Place): Field {
  const found = isObject(value) ? resolved(value, place.root) : undefined;
  const schema = withoutNull(found ?? {});
  // What null was taken from may be a reference itself.
  const whole = resolved(schema, place.root) ?? {};
  const described = describe(whole, place);
  if (place.depth > MAX_DEPTH) return { ...described, kind: 'json', why: 'deeply nested' };
  const options = choices(whole);
  if (options !== undefined) return { ...described, kind: 'choice', options };
  const mixed = ['oneOf', 'anyOf', 'allOf'].find((keyword) => keyword in whole);
  if (mixed !== undefined && place.depth > 0) {
    return { ...described, kind: 'json', why: `one of several forms (${mixed})` };
  }
  return typedField(whole, described, place);
}

/** The form of a tool's input schema. A schema that is no object's makes one text of JSON. */
export function schemaField(schema: JsonObject): Field {
  const empty = Object.keys(schema).length === 0;
  const root = empty ? { type: 'object' } : schema;
  return fieldAt(root, { root, depth: 0, name: 'arguments', isRequired: true });
}
