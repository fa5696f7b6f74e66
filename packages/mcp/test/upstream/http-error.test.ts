import { expect, test } from 'vitest';
import { translateError } from '../../src/upstream/streamable-http/http-error.ts';
import { UpstreamError } from '../../src/upstream/upstream-error.ts';

const WHERE = { connectorId: 'alpha', phase: 'ready' } as const;

test.for([
  ['ECONNREFUSED', false, 'CONNECT_FAILED', 'connect'],
  ['ENOTFOUND', false, 'CONNECT_FAILED', 'connect'],
  ['CERT_HAS_EXPIRED', false, 'CONNECT_FAILED', 'connect'],
  ['UND_ERR_CONNECT_TIMEOUT', false, 'CONNECT_TIMEOUT', 'connect'],
  ['UND_ERR_INVALID_ARG', false, 'CONFIG_INVALID', 'config'],
  ['UND_ERR_MAX_ORIGINS_REACHED', false, 'CONNECT_FAILED', 'connect'],
  ['UND_ERR_DESTROYED', false, 'CLOSED', 'ready'],
  ['UND_ERR_HEADERS_TIMEOUT', true, 'TIMEOUT', 'ready'],
  ['UND_ERR_BODY_TIMEOUT', true, 'TIMEOUT', 'ready'],
  ['UND_ERR_SOCKET', true, 'STREAM_CUT', 'ready'],
  ['ECONNRESET', true, 'STREAM_CUT', 'ready'],
  ['HPE_INVALID_CONSTANT', true, 'BAD_RESPONSE', 'ready'],
  ['UND_ERR_HEADERS_OVERFLOW', true, 'TOO_LARGE', 'ready'],
  ['', false, 'CONNECT_FAILED', 'connect'],
  ['', true, 'STREAM_CUT', 'ready'],
] as const)('translateError(): %s, sent %s, is %s at %s', ([code, sent, expected, phase]) => {
  const cause = Object.assign(new Error('raw'), code === '' ? {} : { code });
  const error = translateError(cause, WHERE, sent);
  expect(error).toMatchObject({
    code: expected,
    phase,
    connectorId: 'alpha',
    unsent: !sent,
    cause,
  });
});

test('translateError() leaves what is already an UpstreamError', () => {
  const error = new UpstreamError('TIMEOUT', 'x', WHERE);
  expect(translateError(error, WHERE, false)).toBe(error);
});
