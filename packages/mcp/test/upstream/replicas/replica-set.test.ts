import { startUpstream, waitUntil, type HttpUpstream } from '@cortex-os/testkit';
import { expect, test, vi } from 'vitest';
import type { ConnectorReplicas } from '../../../src/connectors/connector.ts';
import { connectClient } from '../../e2e/clients.ts';
import { connectorFor, startGateway, type TestGateway } from '../../e2e/gateway-fixture.ts';

vi.setConfig({ testTimeout: 30_000 });

type Kind = 'modern-http' | 'legacy-http-session';

interface Fleet extends AsyncDisposable {
  readonly servers: readonly HttpUpstream[];
  readonly gateway: TestGateway;
  /** Tool calls that each server has had since the last time this was asked. */
  calls(): number[];
}

async function startReplicas(
  kind: Kind,
  options: Partial<ConnectorReplicas> & { readonly count?: number; readonly weights?: number[] },
): Promise<Fleet> {
  const { count = 3, weights = [], ...rest } = options;
  const servers = await Promise.all(
    Array.from({ length: count }, async () => await startUpstream({ kind })),
  );
  const [first, ...others] = servers;
  if (first === undefined) throw new Error('a fleet needs a server');
  const replicas: ConnectorReplicas = {
    more: others.map(({ url }, index) => ({ url, weight: weights[index + 1] ?? 1 })),
    weight: weights[0] ?? 1,
    balance: 'round-robin',
    instances: 1,
    ...rest,
  };
  const gateway = await startGateway([connectorFor(first, 'many', { replicas })]);
  await gateway.service.manager.sync();
  await gateway.service.settled();
  let before = servers.map(() => 0);
  return {
    servers,
    gateway,
    calls() {
      const now = servers.map(({ counts }) => counts.byMethod['tools/call'] ?? 0);
      const since = now.map((all, index) => all - (before[index] ?? 0));
      before = now;
      return since;
    },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await Promise.all(servers.map(async (server) => await server.close()));
    },
  };
}

async function echo(fleet: Fleet, times: number): Promise<string[]> {
  const answers: string[] = [];
  for (let done = 0; done < times; done += 1) {
    answers.push(await fleet.gateway.service.call('many__echo', '{"message":"hello"}'));
  }
  return answers;
}

const failures = (answers: readonly string[]): string[] =>
  answers.filter((answer) => !answer.includes('hello'));

test.each(['modern-http', 'legacy-http-session'] as const)(
  'S2-17 calls to %s replicas go round in turn, lists come from one of them',
  async (kind) => {
    await using fleet = await startReplicas(kind, {});
    expect(failures(await echo(fleet, 9))).toEqual([]);
    expect(fleet.calls()).toEqual([3, 3, 3]);
    const lists = fleet.servers.map(({ counts }) => counts.byMethod['tools/list'] ?? 0);
    expect(lists.filter((count) => count > 0)).toHaveLength(1);
  },
);

test('S2-17 a replica with three times the weight gets three times the calls', async () => {
  await using fleet = await startReplicas('modern-http', {
    count: 2,
    weights: [3, 1],
    balance: 'weighted',
  });
  await echo(fleet, 12);
  expect(fleet.calls()).toEqual([9, 3]);
});

test('S2-17 least in flight: what a hung replica holds is not added to', async () => {
  await using fleet = await startReplicas('modern-http', { count: 2, balance: 'least-in-flight' });
  const [hung] = fleet.servers;
  hung?.setFaults([{ kind: 'hang-before-headers', method: 'tools/call' }]);
  // One of the first two calls goes to the hung one and stays there.
  const first = fleet.gateway.service.call('many__echo', '{"message":"hello"}');
  const second = fleet.gateway.service.call('many__echo', '{"message":"hello"}');
  await Promise.race([first, second]);
  expect(failures(await echo(fleet, 20))).toEqual([]);
  expect(hung?.counts.byMethod['tools/call']).toBe(1);
  await fleet.gateway.service.close();
  await Promise.allSettled([first, second]);
});

test('S2-17 a replica that refuses connections costs no call, and gets none after five', async () => {
  await using fleet = await startReplicas('modern-http', {});
  const [, gone] = fleet.servers;
  gone?.setFaults([{ kind: 'tcp-refuse' }]);
  expect(failures(await echo(fleet, 30))).toEqual([]);
  expect(fleet.calls().filter((count) => count > 0)).toHaveLength(2);
});

test('S2-17 the replica whose lists are shown may go: lists and calls go on with another', async () => {
  await using fleet = await startReplicas('modern-http', {});
  const listed = fleet.servers.find(({ counts }) => (counts.byMethod['tools/list'] ?? 0) > 0);
  listed?.setFaults([{ kind: 'tcp-refuse' }]);
  const report = await fleet.gateway.service.manager.sync(true);
  expect(report.outcomes.map(({ kind }) => kind)).toEqual(['unchanged']);
  expect(failures(await echo(fleet, 6))).toEqual([]);
});

test('S2-17 a call that a replica may have executed is not sent to another', async () => {
  await using fleet = await startReplicas('modern-http', { count: 2 });
  for (const server of fleet.servers) {
    server.setFaults([{ kind: 'reset', method: 'tools/call', times: 1 }]);
  }
  const [answer = ''] = await echo(fleet, 1);
  expect(answer).toContain('"error"');
  expect(fleet.calls().reduce((sum, count) => sum + count, 0)).toBe(1);
});

test('S2-17 legacy sessions keep to one replica each, and move when it is gone', async () => {
  await using fleet = await startReplicas('legacy-http-session', {});
  const used = new Set<number>();
  for (let session = 0; session < 8; session += 1) {
    await using client = await connectClient(fleet.gateway.url(), 'v1');
    fleet.calls();
    for (let call = 0; call < 4; call += 1) await client.call('many__echo', { message: 'hello' });
    const at = fleet.calls();
    expect(at.filter((count) => count > 0)).toEqual([4]);
    used.add(at.indexOf(4));
  }
  expect(used.size).toBeGreaterThan(1);
  await using client = await connectClient(fleet.gateway.url(), 'v1');
  await client.call('many__echo', { message: 'hello' });
  const kept = fleet.calls().indexOf(1);
  fleet.servers[kept]?.setFaults([{ kind: 'tcp-refuse' }]);
  await client.call('many__echo', { message: 'hello' });
  await client.call('many__echo', { message: 'hello' });
  expect(fleet.calls()[kept]).toBe(0);
});

test('S2-17 a client that hangs up cancels at the replica that has its call', async () => {
  await using fleet = await startReplicas('modern-http', { count: 2 });
  const hangUp = new AbortController();
  const body = {
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: {
      name: 'many__slow',
      arguments: { ms: 20_000, steps: 1 },
      _meta: {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientInfo': { name: 'test', version: '0' },
        'io.modelcontextprotocol/clientCapabilities': {},
      },
    },
  };
  const answer = fetch(fleet.gateway.url(), {
    method: 'POST',
    signal: hangUp.signal,
    body: JSON.stringify(body),
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'many__slow',
    },
  });
  await waitUntil(() => fleet.servers.some(({ counts }) => counts.byMethod['tools/call'] === 1), {
    describe: 'the call has arrived',
  });
  hangUp.abort();
  await expect(answer).rejects.toThrow('aborted');
  await waitUntil(() => fleet.servers.some(({ counts }) => counts.aborted === 1), {
    describe: 'the call was given up',
  });
  expect(fleet.gateway.service.status()).toMatchObject({ clients: { callsInFlight: 0 } });
});
