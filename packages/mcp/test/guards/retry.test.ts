import { expect, test } from 'vitest';
import { verdictOf } from '../../src/guards/call-verdict.ts';
import { RetryBudget } from '../../src/guards/retry-budget.ts';
import { isRepeatable, retryDelayMs, wasNeverSent } from '../../src/guards/retry-delay.ts';
import {
  UpstreamError,
  type UpstreamErrorCode,
  type UpstreamErrorDetails,
} from '../../src/upstream/upstream-error.ts';
import { advance, useFakeTime } from '../connectors/fake-time.ts';

useFakeTime();

function failure(
  code: UpstreamErrorCode,
  details: Partial<UpstreamErrorDetails> = {},
): UpstreamError {
  return new UpstreamError(code, 'why', { connectorId: 'c', phase: 'ready', ...details });
}

const unsent = { phase: 'connect', unsent: true } as const;
const half = (): number => 0.5;

test.for([
  ['CONNECT_FAILED', unsent, 100],
  ['CONNECT_TIMEOUT', unsent, 100],
  // Not sent either, and for reasons that a moment does not change, or with a wait of their own.
  ['CONFIG_INVALID', { ...unsent, phase: 'config' }, undefined],
  ['SPAWN_FAILED', { ...unsent, phase: 'spawn', retryAfterMs: 9_000 }, undefined],
  ['QUOTA_EXCEEDED', { unsent: true, retryAfterMs: 1 }, undefined],
  ['BREAKER_OPEN', { unsent: true, retryAfterMs: 1 }, undefined],
  ['STREAM_CUT', {}, undefined],
  ['HTTP_STATUS', { httpStatus: 503 }, undefined],
  ['HTTP_STATUS', { httpStatus: 429, retryAfterMs: 1_000 }, undefined],
] as const)('%s %o of any tool is retried after %s ms at half jitter (T2)', ([code, more, ms]) => {
  expect(retryDelayMs(failure(code, more), false, half)).toBe(ms);
});

test.for([
  ['STREAM_CUT', {}, 100],
  ['PROCESS_EXITED', {}, 100],
  ['HTTP_STATUS', { httpStatus: 500 }, 100],
  ['HTTP_STATUS', { httpStatus: 502 }, 100],
  ['HTTP_STATUS', { httpStatus: 503, retryAfterMs: 2_000 }, 2_100],
  ['HTTP_STATUS', { httpStatus: 503, retryAfterMs: 5_001 }, undefined],
  ['HTTP_STATUS', { httpStatus: 429, retryAfterMs: 1_000 }, 1_100],
  ['HTTP_STATUS', { httpStatus: 429 }, undefined],
  ['HTTP_STATUS', { httpStatus: 404 }, undefined],
  ['HTTP_STATUS', { httpStatus: 501 }, undefined],
  ['UNAUTHORIZED', { httpStatus: 401 }, undefined],
  ['RPC_ERROR', { rpcCode: -32_602 }, undefined],
  ['TIMEOUT', {}, undefined],
  ['BAD_RESPONSE', {}, undefined],
  ['TOO_LARGE', {}, undefined],
  ['CANCELLED', {}, undefined],
] as const)('%s %o of a repeatable tool is retried after %s ms (T2)', ([code, more, ms]) => {
  expect(retryDelayMs(failure(code, more), true, half)).toBe(ms);
});

test('wasNeverSent() is true of connections only: a handshake may have reached the server', () => {
  expect(wasNeverSent(failure('CONNECT_FAILED', unsent))).toBe(true);
  expect(wasNeverSent(failure('CONNECT_FAILED', { phase: 'connect' }))).toBe(false);
  expect(wasNeverSent(failure('CONNECT_FAILED', { phase: 'handshake', unsent: true }))).toBe(false);
});

test.for([
  ['{"name":"t","annotations":{"readOnlyHint":true}}', true],
  ['{"name":"t","annotations":{"idempotentHint":true,"readOnlyHint":false}}', true],
  ['{"name":"t","annotations":{"readOnlyHint":"true"}}', false],
  ['{"name":"t","annotations":{"destructiveHint":false}}', false],
  ['{"name":"t","readOnlyHint":true}', false],
  ['{"name":"t","description":"\\"readOnlyHint\\": true"}', false],
  ['{"name":"t","annotations":null,"x":"Hint\\""}', false],
  ['{"name":"t"}', false],
  [undefined, false],
] as const)('isRepeatable(%s) is %s', ([definition, repeatable]) => {
  expect(isRepeatable(definition)).toBe(repeatable);
});

test.for([
  ['CONNECT_FAILED', unsent, 'lost'],
  ['CONNECT_TIMEOUT', unsent, 'lost'],
  ['SPAWN_FAILED', { phase: 'spawn' }, 'lost'],
  ['PROCESS_EXITED', {}, 'lost'],
  ['STREAM_CUT', {}, 'lost'],
  ['TIMEOUT', { phase: 'handshake' }, 'failed'],
  ['BAD_RESPONSE', {}, 'failed'],
  ['HTTP_STATUS', { httpStatus: 500 }, 'failed'],
  ['HTTP_STATUS', { httpStatus: 503 }, 'failed'],
  ['HTTP_STATUS', { httpStatus: 429 }, 'answered'],
  ['HTTP_STATUS', { httpStatus: 404 }, 'answered'],
  ['UNAUTHORIZED', { httpStatus: 401 }, 'answered'],
  ['SESSION_LOST', {}, 'answered'],
  ['RPC_ERROR', {}, 'answered'],
  ['TOO_LARGE', {}, 'answered'],
  ['CANCELLED', {}, 'nothing'],
  ['CLOSED', {}, 'nothing'],
  ['QUOTA_EXCEEDED', {}, 'nothing'],
  ['BULKHEAD_FULL', {}, 'nothing'],
  ['BREAKER_OPEN', {}, 'nothing'],
  ['CONFIG_INVALID', {}, 'nothing'],
] as const)('verdictOf(%s %o) is %s (T4)', ([code, more, verdict]) => {
  expect(verdictOf(failure(code, more))).toBe(verdict);
});

test('a budget of retries is a fifth of the calls, and three in ten seconds without any (T2)', async () => {
  const budget = new RetryBudget();
  const spent = (): number => {
    let times = 0;
    while (budget.spend()) times += 1;
    return times;
  };
  expect(spent()).toBe(3);
  await advance(3_334);
  expect(spent()).toBe(1);
  await advance(60_000);
  expect(spent()).toBe(3);
  for (let call = 0; call < 25; call += 1) budget.pay();
  expect(spent()).toBe(5);
  for (let call = 0; call < 1_000; call += 1) budget.pay();
  expect(spent(), 'what is not used is not kept for ever').toBe(10);
});
