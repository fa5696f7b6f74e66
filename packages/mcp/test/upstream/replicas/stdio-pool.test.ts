import { startUpstream, waitUntil, type StdioUpstream } from '@cortex-os/testkit';
import { expect, test, vi } from 'vitest';
import { connectorFor, startGateway, type TestGateway } from '../../e2e/gateway-fixture.ts';

vi.setConfig({ testTimeout: 30_000 });

/** Processes take their time to start on a busy machine. */
const PATIENT = { timeoutMs: 15_000, describe: 'the processes are as expected' };

async function startPool(
  server: StdioUpstream,
  { stdioPool = true, instances = 3 } = {},
): Promise<TestGateway> {
  const replicas = { more: [], weight: 1, balance: 'least-in-flight', instances } as const;
  const gateway = await startGateway([connectorFor(server, 'pool', { replicas })], { stdioPool });
  await gateway.service.manager.sync();
  await gateway.service.settled();
  return gateway;
}

const callsInFlight = ({ service }: TestGateway): unknown =>
  (service.status()['clients'] as { callsInFlight: number }).callsInFlight;

/** Processes that answer. */
function running({ service }: TestGateway): number | undefined {
  const [pool] = service.manager.listConnectors();
  return pool?.replicas?.filter((one) => one.running).length;
}

const slow = async ({ service }: TestGateway, ms: number): Promise<string> =>
  await service.call('pool__slow', JSON.stringify({ ms, steps: 1 }));

test('MCP_STDIO_POOL off: one process however many instances are asked for (S1-39)', async () => {
  await using server = await startUpstream({ kind: 'modern-stdio' });
  await using gateway = await startPool(server, { stdioPool: false });
  await Promise.all([slow(gateway, 50), slow(gateway, 50), slow(gateway, 50)]);
  expect(server.processes()).toHaveLength(1);
});

test.each(['modern-stdio', 'legacy-stdio'] as const)(
  'MCP_STDIO_POOL: %s starts with one process, gets more while all are busy, at most its instances (S1-39)',
  async (kind) => {
    await using server = await startUpstream({ kind });
    await using gateway = await startPool(server);
    for (let done = 0; done < 3; done += 1) await slow(gateway, 1);
    expect(server.processes()).toHaveLength(1);
    await waitUntil(async () => {
      await Promise.all(Array.from({ length: 6 }, async () => await slow(gateway, 20)));
      return server.processes().length === 3;
    }, PATIENT);
    await Promise.all(Array.from({ length: 12 }, async () => await slow(gateway, 20)));
    expect(server.processes()).toHaveLength(3);
  },
);

test('MCP_STDIO_POOL: the end of one process fails the calls it had, the others go on (S1-43)', async () => {
  await using server = await startUpstream({ kind: 'modern-stdio' });
  await using gateway = await startPool(server, { instances: 2 });
  await waitUntil(async () => {
    await Promise.all([slow(gateway, 20), slow(gateway, 20), slow(gateway, 20)]);
    return running(gateway) === 2;
  }, PATIENT);
  const under = Array.from({ length: 4 }, async () => await slow(gateway, 1_500));
  await waitUntil(() => callsInFlight(gateway) === 4, PATIENT);
  const [pid = 0] = server.processes();
  process.kill(pid, 'SIGKILL');
  const first = await Promise.race(under);
  expect(first).toContain('PROCESS_EXITED');
  expect(await slow(gateway, 1)).not.toContain('PROCESS_EXITED');
  const answers = await Promise.all(under);
  expect(answers.filter((answer) => answer.includes('PROCESS_EXITED'))).toHaveLength(2);
});

test('MCP_STDIO_POOL: closing leaves no process (S1-43)', async () => {
  await using server = await startUpstream({ kind: 'legacy-stdio', grandchildren: 1 });
  const gateway = await startPool(server, { instances: 2 });
  await waitUntil(async () => {
    await Promise.all([slow(gateway, 20), slow(gateway, 20), slow(gateway, 20)]);
    return server.processes().length === 4;
  }, PATIENT);
  await gateway.service.close();
  await waitUntil(() => server.processes().length === 0, PATIENT);
  expect(server.processes()).toEqual([]);
});
