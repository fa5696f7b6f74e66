/** What is odd about a text of a server (S11, S12). */
export type OddText =
  /** C0, C1 or DEL, but tab and line ends in long texts. */
  | 'control'
  /** Embeddings, overrides and isolates of writing direction; marks where nothing is written right to left. */
  | 'bidi'
  /** Characters without width outside the scripts and emoji that need them. */
  | 'zero-width'
  /** U+E0000 to U+E007F, which spell ASCII that nobody sees. */
  | 'tag'
  /** Variation selectors that select nothing, which can carry bytes. */
  | 'variation-selector'
  /** Other characters that show nothing. */
  | 'invisible'
  /** Half of a surrogate pair. */
  | 'lone-surrogate'
  /** Longer than clients and people read. */
  | 'long'
  /** Letters of scripts that look alike within one word of a name. */
  | 'mixed-script'
  /** A name that looks like another one of the same connector. */
  | 'lookalike'
  /** A description that speaks of another connector's tool. */
  | 'names-other-tool';

/** Bound on a description (T6). */
export const MAX_DESCRIPTION_LENGTH = 8_192;

/** Everything but this is looked at more closely. */
const PLAIN = /^[\x20-\x7e\t\n\r]*$/;
/** What of a name is judged: folding is quadratic on some long texts (S10). */
const MAX_ODD_NAME_LENGTH = 256;
const NAME_PLAIN = /^[\x21-\x7e]*$/;

const BIDI_CONTROL = /[\u202a-\u202e\u2066-\u2069]/u;
const BIDI_MARK = /[\u061c\u200e\u200f]/u;
const RIGHT_TO_LEFT =
  /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;
// A joiner is at home between emoji and inside the scripts that join letters.
const JOINING = String.raw`\p{Script=Arabic}\p{Script=Syriac}\p{Script=Nko}\p{Script=Mongolian}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Gurmukhi}\p{Script=Gujarati}\p{Script=Oriya}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Kannada}\p{Script=Malayalam}\p{Script=Sinhala}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tibetan}\p{Mn}\p{Mc}`;
const JOINER_AT_HOME = new RegExp(
  String.raw`(?<=[${JOINING}])[\u200c\u200d](?=[${JOINING}])|(?<=\p{Extended_Pictographic}\ufe0f?[\u{1f3fb}-\u{1f3ff}]?)\u200d(?=[\p{Extended_Pictographic}\u2640\u2642])`,
  'gu',
);
const ZERO_WIDTH = /[\u200b-\u200d\u2060\ufeff]/u;
const TAG = /[\u{e0000}-\u{e007f}]/u;
// Flags of regions are a black flag and tags.
const TAG_AT_HOME = /\u{1f3f4}[\u{e0030}-\u{e0039}\u{e0061}-\u{e007a}]{1,6}\u{e007f}/gu;
const SELECTOR = /[\ufe00-\ufe0f\u{e0100}-\u{e01ef}]/u;
const SELECTOR_AT_HOME =
  /(?<=[\p{Emoji}\p{Script=Han}\p{Sm}\p{So}])[\ufe00-\ufe0f]|(?<=\p{Script=Han})[\u{e0100}-\u{e01ef}]/gu;
const INVISIBLE =
  /\u034f|\u17b4|\u17b5|\u180b|\u180c|\u180d|\u180f|[\u00ad\u115f\u1160\u180e\u2061-\u2065\u206a-\u206f\u3164\uffa0\ufff9-\ufffb\u{1d173}-\u{1d17a}]/u;
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;
const LONE_SURROGATE = /[\ud800-\udfff]/u;

/** What is odd about a text, in a fixed order; an empty list for nearly all. */
export function oddText(text: string): OddText[] {
  const odd: OddText[] = [];
  if (text.length > MAX_DESCRIPTION_LENGTH) odd.push('long');
  if (PLAIN.test(text)) return odd;
  const rest = text.replaceAll(TAG_AT_HOME, '').replaceAll(JOINER_AT_HOME, '');
  if (CONTROL.test(rest)) odd.push('control');
  const strayMark = BIDI_MARK.test(rest) && !RIGHT_TO_LEFT.test(rest);
  if (strayMark || BIDI_CONTROL.test(rest)) odd.push('bidi');
  if (ZERO_WIDTH.test(rest)) odd.push('zero-width');
  if (TAG.test(rest)) odd.push('tag');
  if (SELECTOR.test(rest.replaceAll(SELECTOR_AT_HOME, ''))) odd.push('variation-selector');
  if (INVISIBLE.test(rest)) odd.push('invisible');
  if (LONE_SURROGATE.test(rest)) odd.push('lone-surrogate');
  return odd;
}

/** Scripts whose letters are taken for each other's. */
const ALIKE = [
  /\p{Script=Latin}/u,
  /\p{Script=Cyrillic}/u,
  /\p{Script=Greek}/u,
  /\p{Script=Armenian}/u,
  /\p{Script=Cherokee}/u,
  /\p{Script=Coptic}/u,
];

/** What is odd about a name: as a text, and white space and letters of scripts that look alike. */
export function oddName(given: string): OddText[] {
  const name = given.slice(0, MAX_ODD_NAME_LENGTH);
  const tooLong = given.length > name.length;
  if (NAME_PLAIN.test(name)) return tooLong ? ['long'] : [];
  const odd = oddText(name);
  if (tooLong) odd.unshift('long');
  if (/[\t\n\r\u2028\u2029]/.test(name) && !odd.includes('control')) odd.push('control');
  const words = name.normalize('NFKC').split(/[^\p{L}\p{M}]+/u);
  const mixed = words.some((word) => ALIKE.filter((script) => script.test(word)).length > 1);
  if (mixed) odd.push('mixed-script');
  return odd;
}

/** Letters of other scripts that pass for Latin ones (Unicode TS 39, the common part). */
const LOOKALIKES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    a: 'аαɑ',
    b: 'ƅЬ',
    c: 'сϲⅽ',
    d: 'ԁⅾ',
    e: 'еҽ',
    f: 'ẝ',
    g: 'ɡց',
    h: 'һհ',
    i: 'іιıɩӏ|lI1',
    j: 'јϳ',
    k: 'кκ',
    m: 'мⅿ',
    n: 'ոп',
    o: 'оοօ0',
    p: 'рρ',
    q: 'ԛգ',
    r: 'гᴦ',
    s: 'ѕƽ',
    t: 'тτ',
    u: 'υսц',
    v: 'ѵνⅴ',
    w: 'ԝѡա',
    x: 'хχⅹ',
    y: 'уүγ',
    z: 'ᴢ',
  }).flatMap(([latin, others]) => Array.from(others, (other) => [other, latin] as const)),
);

/** A name as it looks: two with the same skeleton can be taken for each other. */
export function skeleton(name: string): string {
  const head = name.slice(0, MAX_ODD_NAME_LENGTH);
  const visible = Array.from(head.normalize('NFKC').toLowerCase()).filter(
    (character) =>
      !ZERO_WIDTH.test(character) && !INVISIBLE.test(character) && !TAG.test(character),
  );
  const seen = visible.map((character) => LOOKALIKES.get(character) ?? character).join('');
  return seen + name.slice(head.length);
}

const AT_HOME = [TAG_AT_HOME, JOINER_AT_HOME, SELECTOR_AT_HOME].map(({ source }) => source);
const UNSEEN = [CONTROL, BIDI_CONTROL, ZERO_WIDTH, TAG, SELECTOR, INVISIBLE, LONE_SURROGATE].map(
  ({ source }) => source,
);
const STRIPPED = new RegExp(`(${AT_HOME.join('|')})|${UNSEEN.join('|')}`, 'gu');
const BIDI_MARKS = new RegExp(BIDI_MARK, 'gu');

/** A text without what nobody sees; what is at home where it stands stays. */
export function stripOdd(text: string): string {
  if (PLAIN.test(text)) return text;
  const stripped = text.replaceAll(STRIPPED, (_all: string, home?: string) => home ?? '');
  return RIGHT_TO_LEFT.test(stripped) ? stripped : stripped.replaceAll(BIDI_MARKS, '');
}
