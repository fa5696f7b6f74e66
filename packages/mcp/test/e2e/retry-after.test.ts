import { startUpstream, waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { openSession, sendModern, type RawAnswer } from '../gateway/raw-client.ts';
import { connectorFor, startGateway } from './gateway-fixture.ts';

const CALL = { name: 'one__echo', arguments: { message: 'm' } };

/** Of an answer of ours: HTTP status, code, and what head and body say about when to come back. */
function toldBy(answer: RawAnswer): {
  readonly status: number;
  readonly code: unknown;
  readonly headerSec: number;
  readonly bodySec: number;
} {
  const { error } = answer.json() as {
    error?: { data?: { code?: string; retryAfterMs?: number } };
  };
  const { code, retryAfterMs = NaN } = error?.data ?? {};
  const header = answer.headers['retry-after'];
  return {
    status: answer.status,
    code,
    headerSec: Number(header),
    bodySec: Math.max(1, Math.ceil(retryAfterMs / 1_000)),
  };
}

function expectHint(answer: RawAnswer, code: string): void {
  const told = toldBy(answer);
  expect([told.status, told.code]).toEqual([200, code]);
  expect(told.headerSec).toBe(told.bodySec);
}

test('Retry-After is on the answers of an open breaker, to clients of both eras (T4)', async () => {
  await using upstream = await startUpstream({
    kind: 'modern-http',
    faults: [{ kind: 'status', status: 500, method: 'tools/call' }],
  });
  await using gateway = await startGateway([connectorFor(upstream, 'one')]);
  await gateway.service.manager.sync();
  const failed = await sendModern(gateway.url(), 'tools/call', CALL);
  expect(failed.headers['retry-after'], 'nobody knows when that is over').toBeUndefined();
  for (let n = 0; n < 4; n += 1) await sendModern(gateway.url(), 'tools/call', CALL);
  expectHint(await sendModern(gateway.url(), 'tools/call', CALL), 'BREAKER_OPEN');
  const session = await openSession(gateway.url());
  expectHint(await session.send('tools/call', CALL), 'BREAKER_OPEN');
});

test('Retry-After is on the answers of a full bulkhead and of a used up quota (T5)', async () => {
  await using upstream = await startUpstream({
    kind: 'modern-http',
    faults: [{ kind: 'hang-before-headers', method: 'tools/call' }],
  });
  await using other = await startUpstream({ kind: 'modern-http' });
  await using gateway = await startGateway([
    connectorFor(upstream, 'one', { bulkhead: { maxInFlight: 1, maxQueued: 0 } }),
    connectorFor(other, 'few', { quotas: { perMinute: 1 } }),
  ]);
  await gateway.service.manager.sync();
  const few = { ...CALL, name: 'few__echo' };
  expect((await sendModern(gateway.url(), 'tools/call', few)).text).toContain('"m"');
  expectHint(await sendModern(gateway.url(), 'tools/call', few), 'QUOTA_EXCEEDED');
  const hung = [sendModern(gateway.url(), 'tools/call', CALL)];
  const underWay = (): number => upstream.counts.byMethod['tools/call'] ?? 0;
  await waitUntil(() => underWay() === 1, { describe: 'the call is at its server' });
  expectHint(await sendModern(gateway.url(), 'tools/call', CALL), 'BULKHEAD_FULL');
  await gateway.service.close();
  await Promise.allSettled(hung);
});

test('Retry-After is on the answer to a call beyond all that may be under way (T5)', async () => {
  await using upstream = await startUpstream({
    kind: 'modern-http',
    faults: [{ kind: 'hang-before-headers', method: 'tools/call' }],
  });
  await using gateway = await startGateway([connectorFor(upstream, 'one')], { maxCalls: 1 });
  await gateway.service.manager.sync();
  const hung = sendModern(gateway.url(), 'tools/call', CALL);
  await waitUntil(() => upstream.counts.byMethod['tools/call'] === 1, { describe: 'it is there' });
  const answer = await sendModern(gateway.url(), 'tools/call', CALL);
  const { code, headerSec } = toldBy(answer);
  expect([code, headerSec]).toEqual(['TOO_MANY_CALLS', 1]);
  await gateway.service.close();
  await Promise.allSettled([hung]);
});
