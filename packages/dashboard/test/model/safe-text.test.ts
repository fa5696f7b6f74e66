import { expect, test } from 'vitest';
import { cutText, hasOddText, textPieces, visibleText } from '../../src/model/safe-text.ts';

test('textPieces() leaves a plain text, its line breaks and other scripts as they are', () => {
  const text = 'Ein Satz.\n\tمرحبا שלום 你好 👩‍👩‍👧 ❤️';
  expect(textPieces(text)).toEqual([{ kind: 'plain', text }]);
});

test('textPieces() makes an override of direction visible, with its name', () => {
  expect(textPieces('a\u202Eexe.txt')).toEqual([
    { kind: 'plain', text: 'a' },
    { kind: 'odd', code: 'U+202E', name: 'right-to-left override' },
    { kind: 'plain', text: 'exe.txt' },
  ]);
});

test.each([
  ['\u0000', 'U+0000', 'null'],
  ['\u0007', 'U+0007', 'control character'],
  ['\u001B', 'U+001B', 'escape'],
  ['\u009B', 'U+009B', 'control character'],
  ['\u200B', 'U+200B', 'zero-width space'],
  ['\u2028', 'U+2028', 'invisible character'],
  ['\u2066', 'U+2066', 'left-to-right isolate'],
  ['\uFEFF', 'U+FEFF', 'byte order mark'],
  ['\u{E0041}', 'U+E0041', 'tag character'],
  ['\uE000', 'U+E000', 'invisible character'],
  ['\uD800', 'U+D800', 'invisible character'],
])('textPieces() shows %j as %s', (text, code, name) => {
  expect(textPieces(text)).toEqual([{ kind: 'odd', code, name }]);
});

test('textPieces() stops at its limit, and hides what comes after in one plain piece', () => {
  const pieces = textPieces('\u202E'.repeat(10), 3);
  expect(pieces.filter((one) => one.kind === 'odd')).toHaveLength(3);
  expect(pieces.at(-1)).toEqual({ kind: 'plain', text: '\uFFFD'.repeat(7) });
});

test('textPieces() of nothing is nothing', () => {
  expect(textPieces('')).toEqual([]);
});

test('visibleText() writes odd characters into a plain string', () => {
  expect(visibleText('a\u202Eb\u200Bc')).toBe('a[U+202E]b[U+200B]c');
});

test('hasOddText() tells texts that need care, again and again', () => {
  expect(hasOddText('a\u200Bb')).toBe(true);
  expect(hasOddText('a\u200Bb')).toBe(true);
  expect(hasOddText('plain')).toBe(false);
});

test('cutText() cuts between characters, never inside one', () => {
  expect(cutText('abc', 3)).toEqual({ text: 'abc', isCut: false });
  expect(cutText('abcd', 3)).toEqual({ text: 'abc', isCut: true });
  expect(cutText('ab😀d', 3)).toEqual({ text: 'ab', isCut: true });
});
