/** A piece of a text from elsewhere: what can be shown as it is, or one character that would be invisible or misleading. */
export type TextPiece =
  | { readonly kind: 'plain'; readonly text: string }
  | { readonly kind: 'odd'; readonly code: string; readonly name: string };

// Controls but for tab and line feed, format characters (bidi, zero width, tags), odd spaces, lone surrogates, private
// use. Variation selectors and the joiner inside emoji are left alone when they follow something that is drawn.
const ODD =
  // oxlint-disable-next-line no-control-regex, no-misleading-character-class -- these are what is looked for
  /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180B-\u180F\u200B\u200C\u200E\u200F\u2028-\u202E\u2060-\u206F\u3164\uFEFF\uFFA0\uFFF9-\uFFFC]|[\u{E0000}-\u{E0FFF}]|\p{Co}|\p{Cs}|(?<!\p{Extended_Pictographic}\uFE0F?|\p{EMod})\u200D/gu;

const NAMES: ReadonlyMap<number, string> = new Map([
  [0x00, 'null'],
  [0x0d, 'carriage return'],
  [0x1b, 'escape'],
  [0xad, 'soft hyphen'],
  [0x61c, 'arabic letter mark'],
  [0x200b, 'zero-width space'],
  [0x200c, 'zero-width non-joiner'],
  [0x200d, 'zero-width joiner'],
  [0x200e, 'left-to-right mark'],
  [0x200f, 'right-to-left mark'],
  [0x202a, 'left-to-right embedding'],
  [0x202b, 'right-to-left embedding'],
  [0x202c, 'end of direction'],
  [0x202d, 'left-to-right override'],
  [0x202e, 'right-to-left override'],
  [0x2060, 'word joiner'],
  [0x2066, 'left-to-right isolate'],
  [0x2067, 'right-to-left isolate'],
  [0x2068, 'first strong isolate'],
  [0x2069, 'end of isolate'],
  [0xfeff, 'byte order mark'],
]);

function nameOf(code: number): string {
  const known = NAMES.get(code);
  if (known !== undefined) return known;
  if (code >= 0xe0000 && code <= 0xe007f) return 'tag character';
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return 'control character';
  return 'invisible character';
}

/** Splits a text so that nothing in it can hide or turn the text around it. At most `limit` pieces; the rest is one plain piece. */
export function textPieces(text: string, limit = 2000): readonly TextPiece[] {
  const pieces: TextPiece[] = [];
  let from = 0;
  for (const match of text.matchAll(ODD)) {
    if (pieces.length >= limit) break;
    if (match.index > from) pieces.push({ kind: 'plain', text: text.slice(from, match.index) });
    const code = match[0].codePointAt(0) ?? 0;
    pieces.push({
      kind: 'odd',
      code: `U+${code.toString(16).toUpperCase().padStart(4, '0')}`,
      name: nameOf(code),
    });
    from = match.index + match[0].length;
  }
  const rest = text.slice(from);
  if (rest !== '') pieces.push({ kind: 'plain', text: rest.replaceAll(ODD, '\u{FFFD}') });
  return pieces;
}

/** True when a text has characters that {@link textPieces} would make visible. */
export function hasOddText(text: string): boolean {
  return text.search(ODD) !== -1;
}

/** The same for places that hold only a string, such as titles: `[U+202E]` instead of the character. */
export function visibleText(text: string): string {
  return text.replaceAll(ODD, (one) => {
    const code = one.codePointAt(0) ?? 0;
    return `[U+${code.toString(16).toUpperCase().padStart(4, '0')}]`;
  });
}

/** The first `maxLength` characters, cut between code points, and whether something is left off. */
export function cutText(
  text: string,
  maxLength: number,
): { readonly text: string; readonly isCut: boolean } {
  if (text.length <= maxLength) return { text, isCut: false };
  const last = text.charCodeAt(maxLength - 1);
  const end = last >= 0xd800 && last <= 0xdbff ? maxLength - 1 : maxLength;
  return { text: text.slice(0, end), isCut: true };
}
