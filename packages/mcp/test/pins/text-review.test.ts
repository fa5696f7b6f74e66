import { cpuMs } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { reviewTexts, type ReviewedItem, type TextReview } from '../../src/pins/text-review.ts';

function review(
  lists: Readonly<Record<string, readonly ReviewedItem[]>>,
  instructions?: string,
): TextReview {
  const work = reviewTexts(lists, instructions);
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

const item = (id: string, more: object = {}): ReviewedItem => ({
  id,
  text: JSON.stringify({ name: id, ...more }),
});

test('reviewTexts() says where something odd stands, also when it is written as an escape (S12)', () => {
  const escaped = { id: 't', text: '{"name":"t","description":"a\\u200bb"}' };
  const nested = item('u', {
    inputSchema: { properties: { path: { description: 'x\u202e' }, 'k\u200b': {} } },
  });
  const { flags, more } = review(
    { tools: [escaped, nested, item('plain')], prompts: [item('p', { title: '\u0007' })] },
    'Be nice.\u{e0041}',
  );
  expect(more).toBe(0);
  expect(flags).toEqual([
    { list: 'instructions', name: '', where: 'instructions', odd: ['tag'] },
    { list: 'tools', name: 't', where: 'description', odd: ['zero-width'] },
    { list: 'tools', name: 'u', where: 'inputSchema.properties.path.description', odd: ['bidi'] },
    {
      list: 'tools',
      name: 'u',
      where: 'inputSchema.properties.k\u200b (key)',
      odd: ['zero-width'],
    },
    { list: 'prompts', name: 'p', where: 'title', odd: ['control'] },
  ]);
});

test('reviewTexts() flags names that look like another of the same server (S11)', () => {
  const { flags } = review({ tools: [item('pay'), item('p\u0430y'), item('PAY'), item('say')] });
  expect(flags.map(({ name, odd }) => `${name} ${odd.join()}`)).toEqual([
    'p\u0430y mixed-script',
    'p\u0430y lookalike',
  ]);
});

test('reviewTexts() is bounded in what it keeps', () => {
  const tools = Array.from({ length: 500 }, (_, i) => item(`t${i}`, { description: '\u200b' }));
  const { flags, more } = review({ tools });
  expect([flags.length, more]).toEqual([100, 400]);
  const deep = item('d', { list: Array.from({ length: 10_000 }, () => '\u200b') });
  const bounded = review({ tools: [deep] });
  expect(bounded.flags.length + bounded.more).toBe(2_000 - 1);
});

test('reviewTexts() collects words of descriptions that could be names of tools', () => {
  const described = item('t', {
    description: 'Call mail__send or send_email, then readFile. Not: Hello, world.',
    inputSchema: { properties: { p: { description: 'as in list_files' } } },
  });
  expect(review({ tools: [described] }).mentions).toEqual([
    { name: 't', words: new Set(['mail__send', 'send_email', 'readFile', 'list_files']) },
  ]);
});

test.each([
  ['one word', 'a'.repeat(200_000)],
  ['capitals and small letters', 'aA'.repeat(100_000)],
  ['dots', `a${'.'.repeat(200_000)}`],
  ['words that dots join', 'a.'.repeat(100_000)],
  ['escapes', '\n"\\'.repeat(60_000)],
])(
  'reviewTexts() looks for names in a description of %s in linear time (S10)',
  async (_what, text) => {
    const tookMs = await cpuMs(() => {
      const { mentions } = review({ tools: [item('t', { description: text })] });
      expect(mentions.flatMap(({ words }) => Array.from(words)).length).toBeLessThanOrEqual(200);
    });
    // Quadratic, it took seconds to minutes.
    expect(tookMs).toBeLessThan(500);
  },
);

test('reviewTexts() finds the names that a description speaks of (S12, control)', () => {
  const description = 'Call bank__pay_invoice, get-file or getUser; see a.b.c. Not Words, 9lives.';
  const { mentions } = review({ tools: [item('t', { description })] });
  expect(mentions.flatMap(({ words }) => Array.from(words))).toEqual([
    'bank__pay_invoice',
    'get-file',
    'getUser',
    'a.b.c',
  ]);
});

test('reviewTexts() parses no item that is longer than any should be, and flags it (S10)', () => {
  const { flags } = review({ tools: [item('big', { description: '\u200b'.repeat(300_000) })] });
  expect(flags).toEqual([{ list: 'tools', name: 'big', where: '', odd: ['long'] }]);
});
