import { expect, test } from 'vitest';
import { createLogger } from '../../src/cli/logger.ts';

function logged(stderrIsTty: boolean, env: Record<string, string> = {}): string {
  let text = '';
  const stderr = { write: (line: string) => (text += line) };
  const logger = createLogger('info', { stderr, stderrIsTty, env });
  logger.debug('unseen');
  logger.warn({ connector: 'github' }, 'a call failed');
  return text;
}

test('createLogger() writes JSON lines to stderr', () => {
  const line = logged(false);
  expect(line).toMatch(/^\{.*\}\n$/);
  expect(JSON.parse(line)).toMatchObject({ level: 40, connector: 'github', msg: 'a call failed' });
});

test('createLogger() writes readable lines on a terminal, coloured unless NO_COLOR is set', () => {
  expect(logged(true)).toMatch(/WARN.*a call failed[^]*connector.*github/);
  expect(logged(true)).toContain('\u001b[');
  expect(logged(true, { NO_COLOR: '1' })).not.toContain('\u001b[');
});

test('createLogger() drops lines that nobody reads, and says how many once they are read again', () => {
  const lines: string[] = [];
  const stderr = { unread: 0, write: (line: string) => void lines.push(line) };
  const logger = createLogger('info', { stderr, stderrIsTty: false, env: {} });
  stderr.unread = 1_048_577;
  logger.info('lost');
  logger.info('lost');
  expect(lines).toEqual([]);
  stderr.unread = 0;
  logger.info('read');
  logger.info('read');
  expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject([
    { level: 40, event: 'log.dropped', dropped: 2 },
    { msg: 'read' },
    { msg: 'read' },
  ]);
});
