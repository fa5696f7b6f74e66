import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { leastMs, startUpstream, waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { DEFAULT_TIMEOUTS } from '../../src/connectors/connector.ts';
import { ConnectorProxyManager } from '../../src/connectors/manager.ts';
import { syncDeadlineMs } from '../../src/connectors/manifest-fetch.ts';
import type { SyncedUpstream } from '../../src/connectors/entry/synced-upstream.ts';
import { UpstreamError } from '../../src/upstream/upstream-error.ts';
import { connector, connectorFor, startGateway } from '../e2e/gateway-fixture.ts';

const quiet = { backgroundRefresh: false } as const;

async function retriesShown(origin: string, id: string): Promise<number> {
  const text = await (await fetch(`${origin}/metrics`)).text();
  const line = new RegExp(`^mcp_connector_sync_retries_total\\{connector="${id}"\\} (\\d+)$`, 'm');
  return Number(line.exec(text)?.[1]);
}

test.each([
  { kind: 'status', status: 503, headers: {}, times: 1 },
  { kind: 'status', status: 429, headers: { 'retry-after': '1' }, times: 1 },
  { kind: 'reset', times: 2 },
] as const)(
  'sync() gets over %j within the pass; report and metric count it (B7.6)',
  async (fault) => {
    await using upstream = await startUpstream({ kind: 'legacy-http-session', faults: [fault] });
    await using gateway = await startGateway([connectorFor(upstream, 'shaky')], quiet);
    const { outcomes } = await gateway.service.manager.sync();
    const [outcome] = outcomes;
    if (outcome?.kind !== 'synced') throw new Error(`it is ${outcome?.kind}`);
    // An attempt is several requests, so that one may meet with both resets.
    expect(outcome.attempts).toBeGreaterThan(1);
    expect(outcome.attempts).toBeLessThanOrEqual(fault.times + 1);
    expect(await retriesShown(gateway.origin, 'shaky')).toBe(outcome.attempts - 1);
    expect(gateway.service.manager.listConnectors()).toMatchObject([{ failure: undefined }]);
  },
);

test('a connector that fails for good is asked three times, then once for each backoff', async () => {
  await using upstream = await startUpstream({
    kind: 'modern-http',
    faults: [{ kind: 'status', status: 500 }],
  });
  await using gateway = await startGateway([connectorFor(upstream, 'm')], quiet);
  const { manager } = gateway.service;
  expect((await manager.sync()).outcomes).toMatchObject([{ kind: 'failed', attempts: 3 }]);
  expect((await manager.sync()).outcomes).toMatchObject([{ kind: 'failed', attempts: 0 }]);
  expect((await manager.sync(true)).outcomes).toMatchObject([{ kind: 'failed', attempts: 1 }]);
  upstream.setFaults([]);
  expect((await manager.sync(true)).outcomes).toMatchObject([{ kind: 'synced', attempts: 1 }]);
  upstream.setFaults([{ kind: 'status', status: 500, times: 1 }]);
  expect((await manager.sync(true)).outcomes).toMatchObject([{ kind: 'unchanged', attempts: 2 }]);
});

test.each([401, 403, 404])('a %i is not asked again within the pass', async (status) => {
  await using upstream = await startUpstream({
    kind: 'modern-http',
    faults: [{ kind: 'status', status }],
  });
  await using gateway = await startGateway([connectorFor(upstream, 'm')], quiet);
  const { outcomes } = await gateway.service.manager.sync();
  expect(outcomes).toMatchObject([{ kind: 'failed', attempts: 1 }]);
});

test('a Retry-After beyond the pass is left to the next refresh', async () => {
  await using upstream = await startUpstream({
    kind: 'modern-http',
    faults: [{ kind: 'status', status: 503, headers: { 'retry-after': '30' } }],
  });
  await using gateway = await startGateway([connectorFor(upstream, 'm')], quiet);
  const { outcomes } = await gateway.service.manager.sync();
  expect(outcomes).toMatchObject([{ kind: 'failed', attempts: 1 }]);
  const [outcome] = outcomes;
  if (outcome?.kind !== 'failed') throw new Error('unreachable');
  expect(outcome.nextAttemptMs).toBeGreaterThanOrEqual(30_000 - outcome.durationMs);
});

/** An upstream that fails to connect, always in the same way. */
function failing(code: 'CONNECT_FAILED' | 'STREAM_CUT'): SyncedUpstream {
  const cause = Object.assign(new Error('no'), { code: 'ECONNREFUSED' });
  const error = new UpstreamError(code, code, { connectorId: 'c', phase: 'connect', cause });
  return {
    connectorId: 'c',
    info: undefined,
    phase: 'connect',
    connect: async () => await Promise.reject(error),
    request: async () => await Promise.reject(error),
    forward: () => {
      throw error;
    },
    setInterest: async () => await Promise.resolve(),
    close: async () => await Promise.resolve(),
  };
}

test.each([
  ['CONNECT_FAILED', 'does not wait for', true],
  ['STREAM_CUT', 'waits for', false],
] as const)(
  'a first list of a connector that fails with %s %s its retries',
  async (code, _what, busy) => {
    const manager = new ConnectorProxyManager({
      connectors: [connector('c', { kind: 'http', url: 'http://127.0.0.1/', headers: {} })],
      random: () => 0.999,
      createUpstream: () => failing(code),
    });
    manager.start();
    await manager.listWanted(undefined);
    expect(manager.complete(undefined)).toBe(true);
    expect(manager.listConnectors()).toMatchObject([{ busy, failure: { code } }]);
    await manager.disconnect();
  },
);

test('the deadline of a connector ends its sync, attempts and lists together; the others are not held up', async () => {
  // Takes every request and never answers.
  const silent: Server = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/mcp`;
  await using good = await startUpstream({ kind: 'modern-http' });
  const timeouts = { ...DEFAULT_TIMEOUTS, handshakeTimeoutMs: 1_000, listTimeoutMs: 200 };
  const hung = connector('hung', { kind: 'http', url, headers: {} }, { timeouts });
  try {
    await using gateway = await startGateway([hung, connectorFor(good, 'good')], quiet);
    const { manager } = gateway.service;
    const pass = manager.sync();
    await waitUntil(() => manager.served().length === 1, { describe: 'the good one is there' });
    const { outcomes } = await pass;
    expect(outcomes).toMatchObject([
      { id: 'good', kind: 'synced' },
      { id: 'hung', kind: 'failed', code: 'TIMEOUT' },
    ]);
    const [, outcome] = outcomes;
    if (outcome?.kind !== 'failed') throw new Error('unreachable');
    // Three handshakes would take 3 s: the deadline of 1.2 s allows one whole one.
    expect(outcome.durationMs).toBeLessThan(2_800);
  } finally {
    silent.closeAllConnections();
    silent.close();
  }
});

test('syncDeadlineMs() is handshake and lists together, at most two minutes; processes have the two minutes', () => {
  const http = connector('h', { kind: 'http', url: 'http://127.0.0.1/', headers: {} });
  expect(syncDeadlineMs(http)).toBe(60_000);
  const patient = { ...DEFAULT_TIMEOUTS, listTimeoutMs: 86_400_000 };
  expect(syncDeadlineMs({ ...http, timeouts: patient })).toBe(120_000);
  const program = { kind: 'stdio', command: 'x', args: [], env: {}, cwd: undefined } as const;
  expect(syncDeadlineMs(connector('s', program))).toBe(120_000);
});

test('disconnect() ends a wait between two attempts at once', async () => {
  await using upstream = await startUpstream({
    kind: 'modern-http',
    faults: [{ kind: 'status', status: 429, headers: { 'retry-after': '1' } }],
  });
  const measure = async (): Promise<number> => {
    await using gateway = await startGateway([connectorFor(upstream, 'm')], quiet);
    const { manager } = gateway.service;
    const pass = manager.sync();
    await waitUntil(() => manager.listConnectors()[0]?.failure?.code === 'HTTP_STATUS', {
      describe: 'the first attempt failed',
    });
    const startedAt = performance.now();
    await manager.disconnect();
    await pass;
    return performance.now() - startedAt;
  };
  expect(await leastMs(measure, { belowMs: 500 })).toBeLessThan(500);
});

test('quotas.concurrent bounds the lists that are asked for at the same time (B7.12)', async () => {
  let underWay = 0;
  let wanted = 0;
  const most: number[] = [];
  await using upstream = await startUpstream({ kind: 'modern-http', latencyMs: 20 });
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks).toString();
      const isList = body.includes('/list"');
      if (isList) most.push((underWay += 1));
      // Held until as many are under way as may be, so that a slow machine shows no fewer.
      const full = (): boolean => Math.max(...most) >= wanted;
      if (isList) await waitUntil(full, { describe: `${wanted} lists at a time` });
      const { host: _, ...headers } = request.headers;
      const answer = await fetch(upstream.url, {
        method: 'POST',
        body,
        headers: headers as Record<string, string>,
      });
      const text = await answer.text();
      if (isList) underWay -= 1;
      response.writeHead(answer.status, {
        'content-type': answer.headers.get('content-type') ?? 'text/plain',
      });
      response.end(text);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  const transport = { kind: 'http', url, headers: {} } as const;
  try {
    for (const [concurrent, expected] of [
      [undefined, 4],
      [2, 2],
      [1, 1],
      [0, 1],
    ] as const) {
      await using gateway = await startGateway(
        [connector('c', transport, { quotas: { concurrent } })],
        quiet,
      );
      most.length = 0;
      wanted = expected;
      const { outcomes } = await gateway.service.manager.sync();
      expect(outcomes).toMatchObject([{ kind: 'synced' }]);
      expect(Math.max(...most)).toBe(expected);
    }
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
