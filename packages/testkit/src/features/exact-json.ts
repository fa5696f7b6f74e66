// ECMAScript 2026 "JSON.parse source text access": in every supported Node, not yet in TypeScript's libraries.
declare global {
  interface JSON {
    parse(
      text: string,
      reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
    ): unknown;
    rawJSON(text: string): unknown;
  }
}

/** Parses JSON so that `JSON.stringify` writes every number as it was spelled: `1.0`, 2^53+1, `-0`. */
export function parseExactJson(text: string): unknown {
  return JSON.parse(text, (_key: string, value: unknown, { source }) =>
    typeof value === 'number' && source !== undefined && String(value) !== source
      ? JSON.rawJSON(source)
      : value,
  );
}
