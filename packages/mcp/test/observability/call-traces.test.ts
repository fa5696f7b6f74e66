import { startUpstream, waitUntil } from '@cortex-os/testkit';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { DEFAULT_TIMEOUTS } from '../../src/connectors/connector.ts';
import { startOtlpTracing } from '../../src/observability/otlp-tracing.ts';
import type { ServiceOptions } from '../../src/service/service.ts';
import { connector, startGateway, type TestGateway } from '../e2e/gateway-fixture.ts';
import { modernBody, modernHeaders, openSession, send } from '../gateway/raw-client.ts';
import { startCollector, type Collector } from './otlp-collector.ts';
import { startRelay, type RecordingRelay } from './recording-relay.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const TRACEPARENT = `00-${TRACE}-${PARENT}-01`;

interface Bench extends AsyncDisposable {
  readonly collector: Collector;
  readonly relay: RecordingRelay;
  readonly gateway: TestGateway;
  readonly logged: string[];
  /** Ends the gateway, so that every span has been sent. */
  finish(): Promise<void>;
}

async function startBench(
  kind: 'modern-http' | 'legacy-http-session',
  more: object = {},
  changes: Parameters<typeof connector>[2] = {},
  sampling = { parentBased: true, ratio: 1 },
): Promise<Bench> {
  const stack = new AsyncDisposableStack();
  const upstream = stack.use(await startUpstream({ kind, ...more }));
  if (upstream.transport !== 'http') throw new Error('only over HTTP');
  const relay = stack.use(await startRelay(upstream.url));
  const collector = stack.use(await startCollector());
  const failures: boolean[] = [];
  const tracing = startOtlpTracing({
    url: `${collector.url}/v1/traces`,
    serviceName: 'cortex-mcp',
    version: '0.0.0-test',
    sampling,
    failed: (failing) => failures.push(failing),
  });
  const logged: string[] = [];
  const logger: ServiceOptions['logger'] = pino(
    { level: 'info', mixin: () => tracing.ids() ?? {} },
    { write: (line) => void logged.push(line) },
  );
  const own = connector('c', { kind: 'http', url: relay.url, headers: {} }, changes);
  const gateway = stack.use(
    await startGateway([own], { backgroundRefresh: false }, { tracing, logger }),
  );
  await gateway.service.manager.sync();
  await gateway.service.settled();
  return {
    collector,
    relay,
    gateway,
    logged,
    finish: async () => {
      await gateway.service.close();
      await tracing.close();
    },
    [Symbol.asyncDispose]: async () => {
      await tracing.close();
      await stack.disposeAsync();
    },
  };
}

async function call(
  { gateway }: Bench,
  headers: Readonly<Record<string, string>> = {},
  meta: Readonly<Record<string, unknown>> = {},
  name = 'c__echo',
): Promise<void> {
  await send(gateway.url(), {
    headers: { ...modernHeaders('tools/call', name), ...headers },
    body: modernBody('tools/call', { name, arguments: { message: 'secret-argument' } }, meta),
  });
}

test.each(['modern-http', 'legacy-http-session'] as const)(
  'a call to a %s server is a span of its client’s trace, and the server’s work part of it (R13, SEP-414)',
  async (kind) => {
    await using bench = await startBench(kind);
    const { collector, relay } = bench;
    await call(bench, {}, { traceparent: TRACEPARENT, tracestate: 'a=1,b=2', baggage: 'k=v' });
    await bench.finish();
    const spans = collector.named('tools/call echo');
    expect(spans.map(({ kind: spanKind }) => spanKind).toSorted((a, b) => a - b)).toEqual([2, 3]);
    const server = spans.find((span) => span.kind === 2);
    const client = spans.find((span) => span.kind === 3);
    expect(server).toMatchObject({
      traceId: TRACE,
      parentSpanId: PARENT,
      traceState: 'a=1,b=2',
      status: 0,
      attributes: {
        'mcp.method.name': 'tools/call',
        'gen_ai.tool.name': 'echo',
        'cortex.connector': 'c',
      },
    });
    expect(client).toMatchObject({ traceId: TRACE, parentSpanId: server?.spanId });
    const [sent] = relay.calls();
    const passedOn = `00-${TRACE}-${client?.spanId}-01`;
    expect(sent?.meta).toMatchObject({
      traceparent: passedOn,
      tracestate: 'a=1,b=2',
      baggage: 'k=v',
    });
    expect(sent?.headers).toMatchObject({ traceparent: passedOn, tracestate: 'a=1,b=2' });
    // Never arguments or results (contract.md, logs).
    expect(collector.text()).not.toContain('secret-argument');
  },
);

test('headers say of a trace what _meta does not; _meta counts where both do', async () => {
  await using bench = await startBench('modern-http');
  const other = '11111111111111111111111111111111';
  await call(bench, { traceparent: TRACEPARENT });
  await call(bench, { traceparent: `00-${other}-${PARENT}-01` }, { traceparent: TRACEPARENT });
  const session = await openSession(bench.gateway.url());
  await send(bench.gateway.url(), {
    headers: { 'mcp-session-id': session.id, traceparent: TRACEPARENT },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 5,
      method: 'tools/call',
      params: { name: 'c__echo', arguments: { message: 'x' } },
    }),
  });
  await bench.finish();
  const spans = bench.collector.named('tools/call echo');
  expect(spans).toHaveLength(6);
  expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]));
});

test.each([
  ['no traceparent at all', 'nonsense'],
  ['an all-zero trace id', `00-${'0'.repeat(32)}-${PARENT}-01`],
  ['a version that is none', `ff-${TRACE}-${PARENT}-01`],
])('a call with %s begins a trace of its own', async (_what, traceparent) => {
  await using bench = await startBench('modern-http');
  await call(bench, {}, { traceparent, tracestate: 'a=1' });
  await bench.finish();
  const server = bench.collector.named('tools/call echo').find(({ kind }) => kind === 2);
  expect(server?.parentSpanId).toBeUndefined();
  expect(server?.traceId).not.toBe(TRACE);
  const [sent] = bench.relay.calls();
  expect(sent?.meta['traceparent']).toContain(server?.traceId);
  expect(sent?.meta['tracestate']).toBeUndefined();
});

test('what a client does not record is not recorded here, and passed on as such', async () => {
  await using bench = await startBench('modern-http');
  await call(bench, {}, { traceparent: `00-${TRACE}-${PARENT}-00` });
  await bench.finish();
  expect(bench.collector.named('tools/call echo')).toEqual([]);
  expect(bench.relay.calls()[0]?.meta['traceparent']).toMatch(new RegExp(`^00-${TRACE}-.*-00$`));
});

test('a call that fails is an error with its stable code, and log lines about it carry its trace', async () => {
  const faults = [{ kind: 'status', status: 500, method: 'tools/call' }];
  await using bench = await startBench('modern-http', { faults });
  for (let index = 0; index < 6; index += 1) {
    await call(bench, {}, { traceparent: TRACEPARENT });
  }
  await bench.finish();
  const servers = bench.collector.spans.filter(({ kind }) => kind === 2);
  expect(servers.map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => 2));
  const types = servers.map(({ attributes }) => attributes['error.type']);
  expect(types.slice(0, 5)).toEqual(Array.from({ length: 5 }, () => 'HTTP_STATUS'));
  expect(types[5]).toBe('BREAKER_OPEN');
  // Refused at the gate: no server was asked.
  expect(bench.collector.spans.filter(({ kind }) => kind === 3)).toHaveLength(5);
  const opened = bench.logged.find((line) => line.includes('too many calls failed'));
  expect(opened && JSON.parse(opened)).toMatchObject({ trace_id: TRACE, connector: 'c' });
});

test('errors of servers and calls that took too long are told apart', async () => {
  await using bench = await startBench(
    'modern-http',
    { faults: [{ kind: 'hang-before-headers', method: 'tools/call', times: 1 }] },
    { timeouts: { ...DEFAULT_TIMEOUTS, idleTimeoutMs: 200 } },
  );
  await call(bench);
  await call(bench, {}, {}, 'c__throw');
  await bench.finish();
  const types = (name: string) =>
    bench.collector.named(name).map(({ kind, attributes }) => [kind, attributes['error.type']]);
  expect(types('tools/call echo')).toEqual(
    expect.arrayContaining([
      [2, 'TIMEOUT'],
      [3, 'TIMEOUT'],
    ]),
  );
  expect(types('tools/call throw')).toContainEqual([2, '-32000']);
});

test('passes and syncs of connectors are spans, one within the other', async () => {
  await using bench = await startBench('modern-http');
  await bench.finish();
  const [pass] = bench.collector.named('sync pass');
  const [sync] = bench.collector.named('connector sync');
  expect(sync).toMatchObject({
    traceId: pass?.traceId,
    parentSpanId: pass?.spanId,
    attributes: { 'cortex.connector': 'c' },
    status: 0,
  });
  expect(bench.collector.resources[0]).toMatchObject({
    'service.name': 'cortex-mcp',
    'service.version': '0.0.0-test',
  });
});

test('with a ratio of 0 nothing is recorded, and nothing but the ids is passed on', async () => {
  await using bench = await startBench('modern-http', {}, {}, { parentBased: true, ratio: 0 });
  await call(bench);
  await bench.finish();
  expect(bench.collector.spans).toEqual([]);
  expect(bench.relay.calls()[0]?.meta['traceparent']).toMatch(/-00$/);
});

test('without tracing nothing of a trace is added, and _meta passes as it is', async () => {
  await using upstream = await startUpstream({ kind: 'modern-http' });
  if (upstream.transport !== 'http') throw new Error('only over HTTP');
  await using relay = await startRelay(upstream.url);
  const own = connector('c', { kind: 'http', url: relay.url, headers: {} });
  await using gateway = await startGateway([own], { backgroundRefresh: false });
  await gateway.service.manager.sync();
  await gateway.service.settled();
  const name = 'c__echo';
  const ask = async (headers: object, meta: object) =>
    await send(gateway.url(), {
      headers: { ...modernHeaders('tools/call', name), ...headers },
      body: modernBody('tools/call', { name, arguments: { message: 'x' } }, { ...meta }),
    });
  await ask({ traceparent: TRACEPARENT }, {});
  await ask({}, { traceparent: TRACEPARENT });
  await waitUntil(() => relay.calls().length === 2, { describe: 'both were sent' });
  const [first, second] = relay.calls();
  expect([first?.meta['traceparent'], first?.headers['traceparent']]).toEqual([
    undefined,
    undefined,
  ]);
  expect(second?.meta['traceparent']).toBe(TRACEPARENT);
});
