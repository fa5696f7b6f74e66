import { expect, test } from 'vitest';
import { createLogger } from '../../src/cli/logger.ts';
import { safeLogLine, safeLogRecord } from '../../src/cli/log-line.ts';

const HOSTILE = 'name\r\nWARN: fake\u001b[2J\u009b31m\u202eb\u2028{"level":60}';

function logged(stderrIsTty: boolean): string {
  let text = '';
  const stderr = { write: (line: string) => (text += line) };
  const logger = createLogger('info', { stderr, stderrIsTty, env: { NO_COLOR: '1' } });
  logger.warn({ tool: HOSTILE, [HOSTILE]: [HOSTILE], err: new Error(HOSTILE) }, HOSTILE);
  return text;
}

test('a log line stays one line of JSON with the same values, whatever servers say (S16)', () => {
  const text = logged(false);
  expect(text.trimEnd()).not.toMatch(/[\p{Cc}\u2028\u202e]/u);
  expect(JSON.parse(text)).toMatchObject({ tool: HOSTILE, msg: HOSTILE });
});

test('on a terminal what servers say steers nothing and fakes no line (S16)', () => {
  const text = logged(true);
  expect(text).not.toMatch(/[^\P{Cc}\n]|[\u2028\u202e]/u);
  expect(text).not.toMatch(/^WARN: fake/m);
  expect(text).toContain('\\u001b[2J');
});

test('safeLogLine() and safeLogRecord() leave plain records as they are, and take what is none', () => {
  const line = '{"level":40,"msg":"plain – ü"}';
  expect(safeLogLine(line)).toBe(line);
  expect(safeLogRecord(line)).toEqual({ level: 40, msg: 'plain – ü' });
  expect(safeLogRecord('no\u001b JSON\n')).toBe('no\\u001b JSON');
});
