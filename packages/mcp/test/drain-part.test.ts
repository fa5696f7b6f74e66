import { startUpstream, waitUntil } from '@cortex-os/testkit';
import { Agent, request } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { connectorFor, startGateway, type TestGateway } from './e2e/gateway-fixture.ts';
import { modernBody, modernHeaders } from './gateway/raw-client.ts';

async function gatewayInFrontOfSlow(): Promise<TestGateway> {
  const upstream = await startUpstream({ kind: 'modern-http', ttlMs: 60_000 });
  onTestFinished(async () => await upstream.close());
  const gateway = await startGateway([connectorFor(upstream, 'one')]);
  onTestFinished(async () => await gateway[Symbol.asyncDispose]());
  await gateway.service.manager.sync();
  await gateway.service.settled();
  return gateway;
}

/** On a connection of its own. */
async function ask(url: string, method: string, params: Record<string, unknown> = {}) {
  const dispatcher = new Agent();
  onTestFinished(async () => await dispatcher.destroy());
  const name = typeof params['name'] === 'string' ? params['name'] : undefined;
  const { statusCode, headers, body } = await request(url, {
    dispatcher,
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...modernHeaders(method, name),
    },
    body: modernBody(method, params),
  });
  return { status: statusCode, connection: headers['connection'], text: await body.text() };
}

/** A call that takes so long, once it is under way. */
async function slowCall(gateway: TestGateway, ms: number) {
  const answer = ask(gateway.url(), 'tools/call', {
    name: 'one__slow',
    arguments: { ms, steps: 1 },
  });
  const metric = /^mcp_calls_in_flight 1$/m;
  await waitUntil(
    async () => metric.test(await (await fetch(`${gateway.origin}/metrics`)).text()),
    { describe: 'the call is under way' },
  );
  return { answer };
}

test('a draining service is not ready, says so, answers, and finishes the calls under way (T7)', async () => {
  const gateway = await gatewayInFrontOfSlow();
  expect((await fetch(`${gateway.origin}/readyz`)).status).toBe(200);
  const call = await slowCall(gateway, 700);
  const drained = gateway.service.drain({ lameDuckMs: 400, maxMs: 5_000, yields: false });
  const ready = await fetch(`${gateway.origin}/readyz`);
  expect([ready.status, ready.headers.get('connection')]).toEqual([503, 'close']);
  const metrics = await (await fetch(`${gateway.origin}/metrics`)).text();
  expect(metrics).toMatch(/^mcp_gateway_draining 1$/m);
  const list = await ask(gateway.url(), 'tools/list');
  expect([list.status, list.connection]).toEqual([200, 'close']);
  const answer = await call.answer;
  expect([answer.status, answer.connection]).toEqual([200, 'close']);
  expect(answer.text).toContain('"result"');
  expect(await drained).toEqual({ kind: 'ended', cut: [] });
  // Whoever asks again joins.
  const again = gateway.service.drain({ lameDuckMs: 0, maxMs: 0, yields: false });
  expect(await again).toEqual({ kind: 'ended', cut: [] });
});

test('a call that outlasts maxMs gets a typed error and is named (T7)', async () => {
  const gateway = await gatewayInFrontOfSlow();
  const call = await slowCall(gateway, 30_000);
  const report = await gateway.service.drain({ lameDuckMs: 0, maxMs: 300, yields: false });
  const answer = await call.answer;
  expect(answer.status).toBe(200);
  expect(JSON.parse(answer.text)).toMatchObject({
    error: { code: -32_010, data: { code: 'CLOSED', connector: 'one' } },
  });
  expect(report).toMatchObject({
    kind: 'ended',
    cut: [{ connector: 'one', method: 'tools/call' }],
  });
});

test.for([
  ['a process alone', false],
  ['a worker of a cluster', true],
] as const)(
  'an open /sse stream does not hold up the drain of %s (T7)',
  { timeout: 90_000 },
  async ([, yields]) => {
    const upstream = await startUpstream({ kind: 'modern-http', ttlMs: 60_000 });
    onTestFinished(async () => await upstream.close());
    const gateway = await startGateway([connectorFor(upstream, 'one')], { sse: true });
    onTestFinished(async () => await gateway[Symbol.asyncDispose]());
    await gateway.service.manager.sync();
    const streams = await Promise.all(
      [1, 2, 3].map(async () => {
        const stream = await fetch(`${gateway.origin}/sse`, {
          headers: { accept: 'text/event-stream' },
        });
        return { status: stream.status, ended: stream.text() };
      }),
    );
    expect(streams.map(({ status }) => status)).toEqual([200, 200, 200]);
    const startedAtMs = performance.now();
    const report = await gateway.service.drain({ lameDuckMs: 500, maxMs: 60_000, yields });
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
    expect(report).toEqual({ kind: 'ended', cut: [] });
    for (const { ended } of streams) expect(await ended).toContain('event: endpoint');
  },
);
