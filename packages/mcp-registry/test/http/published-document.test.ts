import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkPublished } from '../../src/http/published-document.ts';
import { isServerJson } from './lib/api-schemas.ts';
import { document } from './lib/open-api.ts';

const text = fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('', 'a', 'latest', '1.0.0'));
/** Mostly absent or right, now and then something else. */
function loose<T>(value: fc.Arbitrary<T>) {
  return fc.oneof(
    { weight: 20, arbitrary: fc.constant(undefined) },
    { weight: 20, arbitrary: value },
    { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 1 }) },
  );
}
const uri = fc.oneof(
  fc.webUrl({ withFragments: true, withQueryParameters: true }),
  fc.constantFrom(
    'https://a b',
    'https://[::1]/x',
    'http://',
    'x:',
    'mailto:a@b',
    'https://e.test/[1]',
    'https://e.test/%zz',
    'https://ü.test/',
    'a#b#c',
    'https://e.test/#a#b',
    '//e.test',
    'https://***@e.test/?a=***',
  ),
  fc.string({ maxLength: 12 }).map((tail) => `https://e.test/${tail}`),
);
const input = fc.record(
  {
    name: loose(text),
    value: loose(text),
    description: loose(text),
    isSecret: loose(fc.boolean()),
    format: loose(fc.constantFrom('string', 'number', 'x')),
    variables: loose(fc.dictionary(text, fc.record({ default: loose(text) }))),
  },
  { requiredKeys: [] },
);
const argument = fc.record({
  type: loose(fc.constantFrom('named', 'positional')),
  name: loose(text),
  value: loose(text),
  valueHint: loose(text),
  isRepeated: loose(fc.boolean()),
});
const transport = fc.record({
  type: loose(fc.constantFrom('stdio', 'sse', 'streamable-http')),
  url: loose(uri),
  headers: loose(fc.array(input, { maxLength: 2 })),
});
const candidate = fc.record({
  name: fc.constantFrom('io.test/a', 'a/b', 'a/b/c'),
  version: fc.constantFrom('1.0.0', '1.0.0+b', '^1'),
  description: fc.constantFrom('fine', 'ok', ''),
  title: loose(text),
  websiteUrl: loose(uri),
  repository: loose(fc.record({ url: uri, source: loose(text), subfolder: loose(text) })),
  icons: loose(
    fc.array(
      fc.record({
        src: uri,
        mimeType: loose(fc.constantFrom('image/png', 'text/x')),
        sizes: loose(fc.array(fc.constantFrom('any', '1x1', 'x'), { maxLength: 2 })),
      }),
      { maxLength: 2 },
    ),
  ),
  remotes: loose(fc.array(transport, { maxLength: 2 })),
  packages: loose(
    fc.array(
      fc.record({
        registryType: loose(text),
        identifier: loose(text),
        version: loose(text),
        transport,
        packageArguments: loose(fc.array(argument, { maxLength: 2 })),
        environmentVariables: loose(fc.array(input, { maxLength: 2 })),
        fileSha256: loose(fc.constantFrom('a'.repeat(64), 'x')),
      }),
      { maxLength: 2 },
    ),
  ),
  _meta: loose(fc.constant({})),
});

test('checkPublished() accepts nothing that the official schema refuses', () => {
  let accepted = 0;
  fc.assert(
    fc.property(candidate, (drawn) => {
      const value: unknown = JSON.parse(JSON.stringify(drawn));
      if (checkPublished(value).kind === 'invalid') return;
      accepted++;
      expect([isServerJson(value), value]).toEqual([true, value]);
    }),
    { numRuns: 3_000 },
  );
  expect(accepted).toBeGreaterThan(20);
});

test('checkPublished() accepts each URI that the official schema accepts, as a website', () => {
  fc.assert(
    fc.property(uri, (websiteUrl) => {
      const value = document('io.test/a', '1.0.0', { websiteUrl });
      const verdict = checkPublished(value).kind === 'valid';
      // Ours also asks that the URL can be parsed.
      expect(verdict).toBe(isServerJson(value) && URL.canParse(websiteUrl));
    }),
    { numRuns: 2_000 },
  );
});

test('checkPublished() names each fault', () => {
  const check = checkPublished({ name: 'x', version: '^1', description: '' });
  expect(check).toMatchObject({ kind: 'invalid' });
  for (const field of ['name', 'version', 'description'])
    expect(check).toMatchObject({ reason: expect.stringContaining(field) });
});
