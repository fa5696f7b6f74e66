/** Each text that comes of one cut at each of its places, or has one of the bits there, put in or in place of what was. */
export function damagedTexts(text: string, bits: readonly string[]): readonly string[] {
  return Array.from({ length: text.length + 1 }, (_, at) => [
    text.slice(0, at),
    ...bits.flatMap((bit) => [
      text.slice(0, at) + bit + text.slice(at),
      text.slice(0, at) + bit + text.slice(at + 1),
    ]),
  ]).flat();
}

/** What JSON is made of, beside letters. */
export const JSON_BITS: readonly string[] = ['"', '\\', ',', ':', '{', '}', '[', ']', ' ', '7'];

export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    // That is what was asked.
    return false;
  }
}
