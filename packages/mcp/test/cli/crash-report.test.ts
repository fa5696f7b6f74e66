import { expect, test } from 'vitest';
import { crashLine, withoutSecrets } from '../../src/cli/crash-report.ts';

test.each([
  ['user:pass in https://user:pass@host/x failed', 'user:pass in https://***@host/x failed'],
  ['GET https://host/path?key=1234 failed', 'GET https://host/path?*** failed'],
  ['authorization: Bearer abc.def-123', 'authorization: *** ***'],
  ['sent Bearer abc.def-123 there', 'sent Bearer *** there'],
  ['{"apiKey":"abc"}', '{"apiKey":"***"}'],
  ['token=abc&x=1', 'token=***&x=1'],
  ['the value swordfish1 is in a variable', 'the value *** is in a variable'],
  ['the word home stays', 'the word home stays'],
])('withoutSecrets() makes %j %j', (text, shown) => {
  const env = { MY_SECRET: 'swordfish1', TOKEN: 'home', HOME: '/home/me-and-others' };
  expect(withoutSecrets(text, env)).toBe(shown);
});

test('crashLine() is one line of JSON at level fatal, with the stack, whatever was thrown (S16)', () => {
  const error = new TypeError('bad\nvalue hunter2hunter2');
  const env = { MCP_API_KEY: 'hunter2hunter2' };
  const line = crashLine(error, env, 5);
  expect(line.trimEnd().split('\n')).toHaveLength(1);
  expect(line).not.toContain('hunter2');
  expect(JSON.parse(line)).toMatchObject({
    level: 60,
    time: 5,
    err: { type: 'TypeError', message: 'bad\nvalue ***', stack: expect.stringContaining('at ') },
  });
  expect(JSON.parse(crashLine('text', {}, 5))).toMatchObject({
    err: { type: 'string', message: 'text' },
  });
});
