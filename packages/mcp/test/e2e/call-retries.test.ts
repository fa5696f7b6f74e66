import { startUpstream, type HttpFault } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import type { ConnectorDefinition } from '../../src/connectors/connector.ts';
import { sendModern } from '../gateway/raw-client.ts';
import { connectClient } from './clients.ts';
import { connectorFor, startGateway } from './gateway-fixture.ts';

const ONCE = { method: 'tools/call', times: 1 };

/** How one call went, and how often its server was hit. */
async function oneCall(
  fault: HttpFault,
  name: string,
  more: Partial<ConnectorDefinition>,
): Promise<{ readonly code: unknown; readonly hits: number | undefined; readonly tookMs: number }> {
  await using upstream = await startUpstream({ kind: 'modern-http', faults: [fault] });
  await using gateway = await startGateway([connectorFor(upstream, 'one', more)]);
  await gateway.service.manager.sync();
  const startedAtMs = performance.now();
  const answer = await sendModern(gateway.url(), 'tools/call', {
    name: `one__${name}`,
    arguments: { a: 1, b: 2, message: 'm' },
  });
  const tookMs = performance.now() - startedAtMs;
  const { error, id } = answer.json() as { error?: { data: { code: string } }; id: unknown };
  expect(id, 'the client sees its own id, whatever the server saw').toBe(1);
  return { code: error?.data.code, hits: upstream.counts.byMethod['tools/call'], tookMs };
}

const TRUSTED = { trusted: true };
const RESET: HttpFault = { kind: 'reset', ...ONCE };
const BUSY: HttpFault = { kind: 'status', status: 429, ...ONCE };

test.for([
  ['is not repeated where the connector is not trusted', RESET, 'add', {}, 'STREAM_CUT', 1],
  ['is repeated where it is', RESET, 'add', TRUSTED, undefined, 2],
  ['is not repeated when its tool may change something', RESET, 'echo', TRUSTED, 'STREAM_CUT', 1],
  ['is repeated once only', { ...RESET, times: 2 }, 'add', TRUSTED, 'STREAM_CUT', 2],
  [
    'is repeated after a 503',
    { kind: 'status', status: 503, headers: {}, ...ONCE },
    'add',
    TRUSTED,
    undefined,
    2,
  ],
  [
    'is not repeated after a 404',
    { kind: 'status', status: 404, times: 2, method: 'tools/call' },
    'add',
    { ...TRUSTED, era: 'modern' },
    'HTTP_STATUS',
    1,
  ],
  ['is repeated after a 429 that says when', BUSY, 'add', TRUSTED, undefined, 2],
  ['is left to the client after one of an untrusted server', BUSY, 'add', {}, 'HTTP_STATUS', 1],
] as const satisfies readonly (readonly [
  string,
  HttpFault,
  string,
  Partial<ConnectorDefinition>,
  string | undefined,
  number,
])[])('a call %s (T2)', async ([, fault, name, more, code, hits]) => {
  const outcome = await oneCall(fault, name, more);
  expect([outcome.code, outcome.hits]).toEqual([code, hits]);
  const waits = fault === BUSY && code === undefined;
  expect(outcome.tookMs).toBeGreaterThan(waits ? 999 : 0);
});

test("a tool's own error is never repeated (T2)", async () => {
  await using upstream = await startUpstream({ kind: 'legacy-http-session' });
  await using gateway = await startGateway([connectorFor(upstream, 'one', TRUSTED)]);
  await gateway.service.manager.sync();
  await using client = await connectClient(gateway.url(), 'v1');
  expect(await client.call('one__fail')).toMatchObject({ isError: true });
  await expect(client.call('one__add', { a: 'x', b: 1 })).rejects.toMatchObject({ code: -32_602 });
  expect(upstream.counts.byMethod['tools/call']).toBe(2);
});

test('a legacy server is called again too', async () => {
  const faults: HttpFault[] = [RESET];
  await using upstream = await startUpstream({ kind: 'legacy-http-session', faults });
  await using gateway = await startGateway([connectorFor(upstream, 'one', TRUSTED)]);
  await gateway.service.manager.sync();
  await using client = await connectClient(gateway.url(), 'v1');
  expect(await client.call('one__add', { a: 1, b: 2 })).toMatchObject({
    structuredContent: { sum: 3 },
  });
  expect(upstream.counts.byMethod['tools/call']).toBe(2);
});

test('a server that comes up within the wait is reached by the first call, sent once (T2)', async () => {
  await using upstream = await startUpstream({ kind: 'modern-http' });
  await using gateway = await startGateway([connectorFor(upstream, 'one')]);
  await gateway.service.manager.sync();
  upstream.setFaults([{ kind: 'tcp-refuse' }]);
  const call = sendModern(gateway.url(), 'tools/call', {
    name: 'one__echo',
    arguments: { message: 'm' },
  });
  const refusedOnce = (): boolean =>
    gateway.service.manager.listConnectors()[0]?.calls?.inFlight === 1;
  await expect.poll(refusedOnce, { interval: 1 }).toBe(true);
  upstream.setFaults([]);
  const { error } = (await call).json() as { error?: { data: { code: string } } };
  // The wait may be over before it listens again; it is never sent twice.
  expect(['CONNECT_FAILED', undefined]).toContain(error?.data.code);
  expect(upstream.counts.byMethod['tools/call'] ?? 0).toBe(error === undefined ? 1 : 0);
});
