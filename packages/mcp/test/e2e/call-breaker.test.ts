import { leastMs, startFleet, startUpstream, waitUntil, type HttpFault } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { DEFAULT_TIMEOUTS } from '../../src/connectors/connector.ts';
import { sendModern } from '../gateway/raw-client.ts';
import { ids, scrape } from '../http/scrape.ts';
import { connectorFor, startGateway, type TestGateway } from './gateway-fixture.ts';

interface Failure {
  readonly code?: string;
  readonly connector?: string;
  readonly phase?: string;
  readonly retryAfterMs?: number;
}

/** What became of a call: why it failed, or undefined for an answer. */
async function callOf(gateway: TestGateway, name: string): Promise<Failure | undefined> {
  const answer = await sendModern(gateway.url(), 'tools/call', {
    name,
    arguments: { message: 'm', a: 1, b: 2 },
  });
  expect(answer.status).toBe(200);
  const { error } = answer.json() as { error?: { data?: Failure } };
  return error && (error.data ?? {});
}

async function codesOf(gateway: TestGateway, name: string, times: number): Promise<unknown[]> {
  const codes: unknown[] = [];
  for (let n = 0; n < times; n += 1) codes.push((await callOf(gateway, name))?.code);
  return codes;
}

const statusOf = (gateway: TestGateway, id: string) =>
  gateway.service.manager.listConnectors().find((connector) => connector.id === id);

const CALLS = { method: 'tools/call' };
const quick = { timeouts: { ...DEFAULT_TIMEOUTS, idleTimeoutMs: 250 } };

test.for([
  ['answers 500', { kind: 'status', status: 500, ...CALLS }, 'HTTP_STATUS'],
  ['resets after the request', { kind: 'reset', ...CALLS }, 'STREAM_CUT'],
  ['breaks off in its answer', { kind: 'reset', at: 'mid-body', ...CALLS }, 'STREAM_CUT'],
  ['answers no JSON', { kind: 'odd-content', form: 'html', ...CALLS }, 'BAD_RESPONSE'],
  ['says nothing', { kind: 'hang-before-headers', ...CALLS }, 'TIMEOUT'],
  ['stops in its answer', { kind: 'hang-mid-body', ...CALLS }, 'TIMEOUT'],
  ['sends a byte a second', { kind: 'slow-bytes', bytesPerSecond: 1, ...CALLS }, 'TIMEOUT'],
] as const satisfies readonly (readonly [string, HttpFault, string])[])(
  'a server that %s is called five times and then not at all, while its lists are served (T4)',
  { timeout: 20_000 },
  async ([, fault, code]) => {
    await using upstream = await startUpstream({ kind: 'modern-http', faults: [fault] });
    await using gateway = await startGateway([connectorFor(upstream, 'one', quick)]);
    await gateway.service.manager.sync();
    const listed = upstream.counts.byMethod['tools/list'] ?? 0;
    const called = (): number => upstream.counts.byMethod['tools/call'] ?? 0;
    expect(await codesOf(gateway, 'one__echo', 5)).toEqual(Array(5).fill(code));
    const isLost = code === 'STREAM_CUT';
    if (isLost) {
      // Its lists answer, which is proof enough once.
      const again = async (): Promise<boolean> => {
        await callOf(gateway, 'one__echo');
        return called() === 10;
      };
      await waitUntil(again, { timeoutMs: 10_000, describe: 'it is called again' });
    }
    let refusal: Failure | undefined;
    const measure = async (): Promise<number> => {
      const startedAtMs = performance.now();
      refusal = await callOf(gateway, 'one__echo');
      return performance.now() - startedAtMs;
    };
    expect(await leastMs(measure, { belowMs: 200 })).toBeLessThan(200);
    expect(refusal).toMatchObject({ code: 'BREAKER_OPEN', connector: 'one', phase: 'ready' });
    expect(refusal?.retryAfterMs).toBeGreaterThan(25_000);
    expect(refusal?.retryAfterMs).toBeLessThanOrEqual(isLost ? 66_000 : 33_000);
    if (isLost) await gateway.service.manager.sync(true);
    expect(await codesOf(gateway, 'one__echo', 3)).toEqual(Array(3).fill('BREAKER_OPEN'));
    expect(called()).toBe(isLost ? 10 : 5);
    const lists = await sendModern(gateway.url(), 'tools/list');
    expect(lists.text).toContain('one__echo');
    const wasListed = upstream.counts.byMethod['tools/list'] !== listed;
    expect(wasListed, 'only to find out whether it is there').toBe(isLost);
    expect(statusOf(gateway, 'one')).toMatchObject({ calls: { breaker: 'open', inFlight: 0 } });
    const hung = code === 'TIMEOUT' ? 5 : 0;
    await waitUntil(() => upstream.counts.aborted >= hung, { describe: 'it was told of each end' });
  },
);

test("a tool's own errors, and JSON-RPC errors, change no state of their connector (T4)", async () => {
  await using upstream = await startUpstream({ kind: 'modern-http', ttlMs: 60_000 });
  await using gateway = await startGateway([connectorFor(upstream, 'one')]);
  await gateway.service.manager.sync();
  const { state, failure } = statusOf(gateway, 'one') ?? {};
  for (const name of ['one__fail', 'one__throw', 'one__add']) await codesOf(gateway, name, 30);
  const after = statusOf(gateway, 'one');
  expect([after?.state, after?.failure, after?.calls?.breaker]).toEqual([state, failure, 'closed']);
  expect(state).toBe('fresh');
  expect(upstream.counts.byMethod['tools/call']).toBe(90);
});

test('the state of breakers, refusals and retries are metrics, and go with their connector', async () => {
  const faults: HttpFault[] = [{ kind: 'status', status: 503, headers: {}, ...CALLS }];
  await using fleet = await startFleet([{ kind: 'modern-http', faults }, { kind: 'modern-http' }]);
  const [bad, good] = fleet;
  const [one, two] = [connectorFor(bad, 'bad', { trusted: true }), connectorFor(good, 'good')];
  await using gateway = await startGateway([one, two]);
  await gateway.service.manager.sync();
  await codesOf(gateway, 'bad__add', 7);
  await codesOf(gateway, 'good__add', 1);
  const seen = await scrape(gateway);
  expect(seen.value('mcp_breaker_state', { connector: 'bad' })).toBe(2);
  expect(seen.value('mcp_breaker_state', { connector: 'good' })).toBe(0);
  const refused = { connector: 'bad', reason: 'breaker' };
  expect(seen.value('mcp_calls_refused_total', refused)).toBe(2);
  expect(seen.value('mcp_calls_refused_total', { ...refused, reason: 'bulkhead' })).toBe(0);
  const retries = seen.value('mcp_call_retries_total', { connector: 'bad' }) ?? 0;
  // Three, and one more for five calls.
  expect([3, 4]).toContain(retries);
  expect(bad.counts.byMethod['tools/call']).toBe(5 + retries);
  const unavailable = { connector: 'bad', outcome: 'unavailable' };
  expect(seen.value('mcp_tool_call_duration_seconds_count', unavailable)).toBe(2);
  await gateway.service.apply([two]);
  const later = await scrape(gateway);
  expect(ids(later)).toEqual(['good']);
});

test('a server that is down opens it; once it is back its lists close it, long before the time is up', async () => {
  await using upstream = await startUpstream({ kind: 'modern-http' });
  await using gateway = await startGateway([connectorFor(upstream, 'one')]);
  await gateway.service.manager.sync();
  expect(await callOf(gateway, 'one__echo')).toBeUndefined();
  upstream.setFaults([{ kind: 'tcp-refuse' }]);
  const codes = await codesOf(gateway, 'one__echo', 6);
  expect(codes.at(-1)).toBe('BREAKER_OPEN');
  expect(codes.slice(1, 5)).toEqual(Array(4).fill('CONNECT_FAILED'));
  upstream.setFaults([]);
  const back = async (): Promise<boolean> => (await callOf(gateway, 'one__echo')) === undefined;
  await waitUntil(back, { timeoutMs: 15_000, describe: 'it is called again' });
  expect(statusOf(gateway, 'one')?.calls?.breaker).toBe('closed');
}, 30_000);

test('a server that flaps is not called less: what fails now and then opens nothing', async () => {
  await using upstream = await startUpstream({ kind: 'modern-http' });
  await using gateway = await startGateway([connectorFor(upstream, 'one')]);
  await gateway.service.manager.sync();
  const codes: unknown[] = [];
  for (let round = 0; round < 10; round += 1) {
    upstream.setFaults([{ kind: 'reset', times: 2, ...CALLS }]);
    codes.push(...(await codesOf(gateway, 'one__echo', 5)));
  }
  const cut = codes.filter((code) => code !== undefined);
  expect(cut).toEqual(Array(20).fill('STREAM_CUT'));
  expect(upstream.counts.byMethod['tools/call']).toBe(50);
});
