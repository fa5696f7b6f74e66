import { parseExactJson } from './exact-json.ts';

const NESTING = 40;

/** The `content` of the `odd` tool, byte for byte as it is on the wire. */
export const ODD_CONTENT_JSON: string =
  '[{"type":"text","text":"odd","x-vendor/ü":"naïve 日本 🙂 \\u2028 e\u0301","annotations":{"audience":["user"],"priority":1.0}},' +
  '{"type":"x-vendor/hologram","depth":1.0,"size":9007199254740993,"negativeZero":-0,"small":1e-7,' +
  '"payload":{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}}]';

/** The `structuredContent` of the `odd` tool, byte for byte as it is on the wire. */
export const ODD_STRUCTURED_JSON: string =
  '{"__proto__":{"polluted":true},"":"empty key","big":9007199254740993,"float":1.0,"null":null,' +
  `"nested":${'{"n":'.repeat(NESTING)}[]${'}'.repeat(NESTING)}}`;

/** The `_meta` of the `odd` tool; a modern server adds its own keys to it. */
export const ODD_META_JSON: string =
  '{"com.example/ключ":{"ratio":1.0,"big":9007199254740993},"com.example/emoji 🙂":["ok"]}';

/** A result that a gateway must pass on untouched although no schema describes it. */
export function oddResult(): Record<string, unknown> {
  return {
    content: parseExactJson(ODD_CONTENT_JSON),
    structuredContent: parseExactJson(ODD_STRUCTURED_JSON),
    _meta: parseExactJson(ODD_META_JSON),
    'x-vendor/result': parseExactJson('{"kept":1.0}'),
  };
}
