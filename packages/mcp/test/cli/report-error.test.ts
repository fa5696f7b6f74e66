import { expect, test } from 'vitest';
import { CallError, connectorError } from '../../src/cli/call-error.ts';
import { UsageError } from '../../src/cli/command.ts';
import { reportError } from '../../src/cli/report-error.ts';
import { ConfigError } from '../../src/config/config-error.ts';
import { CommandError } from '../../src/protocol/command-error.ts';
import { cliBench } from './fake-io.ts';

interface Said {
  readonly exit: number;
  readonly text: string;
  readonly code: string;
}

async function said(error: unknown): Promise<Said> {
  await using bench = await cliBench();
  const exit = await reportError(error, bench.io, true);
  const parsed = JSON.parse(bench.stdout.text) as { error: { code: string } };
  return { exit, text: bench.stderr.text, code: parsed.error.code };
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: no`), { code, syscall: 'open' });
}

function named(name: string): Error {
  return Object.assign(new Error('it ended'), { name });
}

test.each([
  ['a usage error', new UsageError('no'), 'USAGE', 2],
  ['one of a class of its own', new UsageError('no', 'NAME_TAKEN'), 'NAME_TAKEN', 2],
  ['a configuration error', new ConfigError('CONFIG_BAD_URL', 'no', 'do'), 'CONFIG_BAD_URL', 2],
  ['a failure', new CommandError('BASELINE_MISSING', 'no'), 'BASELINE_MISSING', 1],
  ['a code of the system that is explained', systemError('ENOSPC'), 'ENOSPC', 1],
  ['a code of the system that is not', systemError('ENOTDIR'), 'SYSTEM_ERROR', 1],
  ['one of undici', Object.assign(new Error('x'), { code: 'UND_ERR_SOCKET' }), 'SYSTEM_ERROR', 1],
  ['a code that nobody knows', Object.assign(new Error('x'), { code: 'ODD' }), 'INTERNAL', 1],
  ['a number as its code', Object.assign(new Error('x'), { code: 2 }), 'INTERNAL', 1],
  ['no code', new Error('x'), 'INTERNAL', 1],
  ['no message', new Error(''), 'INTERNAL', 1],
  ['no error', 'text', 'INTERNAL', 1],
  ['a time limit', named('TimeoutError'), 'TIMEOUT', 1],
  ['an abort', named('AbortError'), 'CANCELLED', 1],
  ['a call, by its data', new CallError('x', { code: 'TOO_MANY_CALLS' }), 'TOO_MANY_CALLS', 1],
  ['a call, by its number', new CallError('x', { code: 'ODD', rpcCode: '-32602' }), '-32602', 1],
  ['a call of neither', new CallError('x', { code: 'ODD', rpcCode: '7' }), 'CALL_FAILED', 1],
] as const)('reportError() finds the code of %s', async (_what, error, code, exit) => {
  const { text, ...found } = await said(error);
  expect(found).toEqual({ code, exit });
  expect(text).toContain(code);
});

test('reportError() says a remedy of its own within the line, else that of the code below', async () => {
  const own = new CommandError('PORT_IN_USE', 'port 1 is in use', { remedy: 'take another' });
  expect((await said(own)).text).toBe('cortex-mcp: port 1 is in use; take another (PORT_IN_USE)\n');
  expect((await said(new CommandError('CLIENT_FILE_CHANGED', 'x'))).text).toBe(
    'cortex-mcp: x (CLIENT_FILE_CHANGED)\n' +
      'Do: run the command again; close the client if it happens again (cortex-mcp explain CLIENT_FILE_CHANGED)\n',
  );
});

test('reportError() keeps texts from elsewhere on their line', async () => {
  const remedy = 'wait\u001B[31m\nnow';
  const { text } = await said(new CallError('a\u001B[2J\nb', { code: 'TIMEOUT', remedy }));
  expect(text).not.toContain('\u001B');
  expect(text.trimEnd().split('\n')).toHaveLength(2);
});

test('connectorError() is for connectors that failed or are switched off', () => {
  expect(connectorError({ kind: 'removed', id: 'a' })).toBeUndefined();
  expect(connectorError({ kind: 'disabled', id: 'a' })).toMatchObject({ code: 'DISABLED' });
});
