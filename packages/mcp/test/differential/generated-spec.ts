import {
  array,
  boolean,
  constantFrom,
  dictionary,
  integer,
  letrec,
  option,
  oneof,
  record,
  string,
  uniqueArray,
  type Arbitrary,
} from 'fast-check';

/** Something a generated server offers: how it is listed and what asking for it answers, both as raw JSON. */
export interface GeneratedItem {
  /** The name, or the URI of a resource. */
  readonly name: string;
  readonly listed: string;
  readonly result: string;
  /** Raw members of `params` of the request. */
  readonly asked: string;
  /** Raw members of `_meta` of the request. */
  readonly meta: string;
  /** Raw members of progress notifications before the result; the answer is then an event stream. */
  readonly progress: readonly string[];
  /** An event stream even without progress. */
  readonly streams: boolean;
}

/** A whole generated server. Plain JSON, so that a process can be given it in a file. */
export interface GeneratedSpec {
  readonly tools: readonly GeneratedItem[];
  readonly prompts: readonly GeneratedItem[];
  readonly resources: readonly GeneratedItem[];
  readonly pageSize: number;
  readonly instructions: string;
}

const MAX_NESTING = 40;
const HUGE = 200_000;

const oddText = string({ unit: 'binary', maxLength: 12 });
const numbers = constantFrom(
  '0',
  '-0',
  '1.0',
  '1e-7',
  '9007199254740993',
  '1E400',
  '-1.50',
  '1e21',
  '0.1',
  '123456789012345678901234567890',
);
const nesting = integer({ min: 1, max: MAX_NESTING }).map(
  (depth) => `${'{"n":['.repeat(depth / 2)}null${']}'.repeat(depth / 2)}`,
);
const huge = constantFrom(JSON.stringify('x'.repeat(HUGE)), JSON.stringify('🙂'.repeat(HUGE / 4)));
const oddKey = oneof(
  oddText,
  constantFrom('__proto__', 'constructor', '', ' ', 'toString', 'resultType', 'id', 'jsonrpc'),
);

function members(keys: Arbitrary<string>, values: Arbitrary<string>): Arbitrary<string> {
  return uniqueArray(keys, { maxLength: 4 }).chain((names) =>
    array(values, { minLength: names.length, maxLength: names.length }).map((texts) =>
      names.map((name, index) => `${JSON.stringify(name)}:${texts[index]}`).join(','),
    ),
  );
}

/** Any JSON, as text: numbers that JavaScript would spell otherwise, keys that mean something to it. */
const { value: oddJson } = letrec<{ value: string }>((tie) => ({
  value: oneof(
    { maxDepth: 4, withCrossShrink: true },
    { weight: 4, arbitrary: oddText.map((text) => JSON.stringify(text)) },
    { weight: 3, arbitrary: numbers },
    { weight: 2, arbitrary: constantFrom('null', 'true', 'false', '{}', '[]', '""') },
    { weight: 1, arbitrary: nesting },
    {
      weight: 3,
      arbitrary: array(tie('value'), { maxLength: 3 }).map((all) => `[${all.join(',')}]`),
    },
    { weight: 3, arbitrary: members(oddKey, tie('value')).map((text) => `{${text}}`) },
  ),
}));

/** Members nobody knows: whatever they are called, it is nothing that MCP gives a meaning. */
const unknownMembers = members(
  oddText.map((text) => `x-${text}`),
  oneof({ weight: 20, arbitrary: oddJson }, { weight: 1, arbitrary: huge }),
);
/**
 * As `unknownMembers`, for `params` of messages: there the gateway refuses keys with control characters, and keys that
 * differ only in case or compatibility (reliability-security.md S3).
 */
const unknownParams = members(
  integer({ min: 0, max: 99 }).map((n) => `x-\u65e5 ${n}`),
  oddJson,
);
const metaMembers = members(
  integer({ min: 0, max: 99 }).map((n) => `com.example/key-${n}`),
  oddJson,
);

const join = (...parts: readonly (string | null)[]): string =>
  parts.filter((part) => part !== null && part !== '').join(',');
const object = (...parts: readonly (string | null)[]): string => `{${join(...parts)}}`;

const contentBlock = oneof(
  record({ text: oddText, rest: unknownMembers }).map(({ text, rest }) =>
    object('"type":"text"', `"text":${JSON.stringify(text)}`, rest),
  ),
  record({ type: oddText, rest: unknownMembers }).map(({ type, rest }) =>
    object(`"type":${JSON.stringify(`x-${type}`)}`, rest),
  ),
);

/** What all kinds of items have. */
const common = {
  rest: unknownMembers,
  resultRest: unknownMembers,
  resultMeta: option(metaMembers),
  meta: metaMembers,
  progress: array(unknownParams, { maxLength: 3 }),
  params: unknownParams,
  streams: boolean(),
};

/** How an item is asked for and answered, whatever it is. */
type Way = Pick<GeneratedItem, 'name' | 'meta' | 'progress' | 'streams'>;

function itemOf(
  { name, meta, progress, streams }: Way,
  texts: Pick<GeneratedItem, 'listed' | 'result' | 'asked'>,
): GeneratedItem {
  return { name, meta, progress, streams, ...texts };
}

const metaOf = (text: string | null): string | null => (text === null ? null : `"_meta":{${text}}`);

const tool: Arbitrary<GeneratedItem> = record({
  ...common,
  name: string({ unit: 'binary', minLength: 1, maxLength: 20 }),
  description: option(oddText),
  properties: unknownMembers,
  content: array(contentBlock, { maxLength: 3 }),
  structured: option(oddJson.map((text) => `{"value":${text}}`)),
  isError: option(boolean()),
  args: unknownMembers,
}).map((given) =>
  itemOf(given, {
    listed: object(
      `"name":${JSON.stringify(given.name)}`,
      given.description === null ? null : `"description":${JSON.stringify(given.description)}`,
      `"inputSchema":{"type":"object","properties":{${given.properties}}}`,
      given.rest,
    ),
    result: object(
      `"content":[${given.content.join(',')}]`,
      given.structured === null ? null : `"structuredContent":${given.structured}`,
      given.isError === null ? null : `"isError":${given.isError}`,
      metaOf(given.resultMeta),
      given.resultRest,
    ),
    asked: join(`"name":${JSON.stringify(given.name)},"arguments":{${given.args}}`, given.params),
  }),
);

const prompt: Arbitrary<GeneratedItem> = record({
  ...common,
  name: string({ unit: 'binary', minLength: 1, maxLength: 20 }),
  args: dictionary(string({ maxLength: 8 }), oddText, { maxKeys: 3, noNullPrototype: true }),
  content: contentBlock,
}).map((given) =>
  itemOf(given, {
    listed: object(`"name":${JSON.stringify(given.name)}`, given.rest),
    result: object(
      `"messages":[{"role":"user","content":${given.content}}]`,
      metaOf(given.resultMeta),
      given.resultRest,
    ),
    asked: `"name":${JSON.stringify(given.name)},"arguments":${JSON.stringify(given.args)}`,
  }),
);

const resource: Arbitrary<GeneratedItem> = record({
  ...common,
  name: string({ unit: 'binary', minLength: 1, maxLength: 20 }).map((text) => `odd://${text}`),
  text: oddText,
  contentRest: unknownMembers,
}).map((given) => {
  const uri = `"uri":${JSON.stringify(given.name)}`;
  return itemOf(given, {
    listed: object(uri, '"name":"odd"', given.rest),
    result: object(
      `"contents":[${object(uri, `"text":${JSON.stringify(given.text)}`, given.contentRest)}]`,
      metaOf(given.resultMeta),
      given.resultRest,
    ),
    asked: uri,
  });
});

const several = (item: Arbitrary<GeneratedItem>): Arbitrary<GeneratedItem[]> =>
  uniqueArray(item, { selector: ({ name }) => name, maxLength: 4 });

/** Servers with content that no schema describes. */
export const generatedSpec: Arbitrary<GeneratedSpec> = record({
  tools: several(tool),
  prompts: several(prompt),
  resources: several(resource),
  pageSize: integer({ min: 1, max: 5 }),
  instructions: oddText.map((text) => `Instructions ${text}`),
});
