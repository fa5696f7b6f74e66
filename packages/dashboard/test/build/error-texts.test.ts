import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readErrorTexts } from '../../build/error-texts.ts';

test('readErrorTexts() reads the entries of a document, as text without links and marks', () => {
  const document = [
    '# Errors',
    'Some words.',
    '## Connectors',
    'More words.',
    '### CONNECT_FAILED',
    '',
    'No [connection](operations.md#x).',
    '',
    'Do: curl &lt;url>.',
    '',
    '## Others',
    'Words.',
    '### E_OTHER',
    'Other.',
    '### not a code',
    'No.',
  ].join('\n');
  expect(readErrorTexts(document)).toEqual({
    CONNECT_FAILED: 'No connection.\n\nDo: curl <url>.',
    E_OTHER: 'Other.',
  });
});

test('readErrorTexts() finds what connectors fail with in the documentation', () => {
  const file = join(import.meta.dirname, '../../../../docs/errors.md');
  const texts = readErrorTexts(readFileSync(file, 'utf8'));
  for (const code of ['CONNECT_FAILED', 'TIMEOUT', 'CONFIG_INVALID']) {
    expect(texts[code]).toMatch(/\n\nDo: /);
  }
});
