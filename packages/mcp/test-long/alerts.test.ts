import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { startUpstream, waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { dashboardQueries } from '../test/observability/dashboard.ts';
import { connectorFor } from '../test/e2e/gateway-fixture.ts';
import {
  entryFor,
  hostOf,
  mapSettings,
  signedMap,
  startMapGateway,
  startMapServer,
  type MapGateway,
} from '../test/e2e/map-fixture.ts';
import { sendModern } from '../test/gateway/raw-client.ts';
import { NO_PROMTOOL } from '../test/observability/promtool.ts';
import { freePort, startPrometheus } from './prometheus.ts';

const TTL_MS = 8_000;

/** Something that goes wrong, and is put right again. */
interface Fault {
  readonly alerts: readonly string[];
  readonly begin: () => void | Promise<void>;
  readonly end: () => void | Promise<void>;
}

/** Does `work` again and again, at least `everyMs` apart, until it is stopped. */
function repeat(everyMs: number, work: () => Promise<unknown>): { stop(): Promise<void> } {
  const ended = new AbortController();
  const run = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      // A gateway that is away is part of the test.
      await work().catch(() => undefined);
      await delay(everyMs);
    }
  };
  const running = run();
  return {
    stop: async () => {
      ended.abort();
      await running;
    },
  };
}

/** Holds the event loop for most of the time. */
function burn(): { stop(): void } {
  const timer = setInterval(() => {
    const end = performance.now() + 300;
    while (performance.now() < end);
  }, 310);
  return { stop: () => clearInterval(timer) };
}

/** More than this many are not opened for a test. */
const MOST_DESCRIPTORS = 100_000;

/** How many files this process may have open. */
function descriptorLimit(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Infinity);
}

/** Holds that many files open. */
function hoard(count: number): { stop(): void } {
  const open = Array.from({ length: count }, () => openSync('/dev/null', 'r'));
  return { stop: () => open.forEach((one) => closeSync(one)) };
}

test('alerts fire in real faults, seen by a real Prometheus, and clear after them (R11)', async ({
  skip,
}) => {
  const port = await freePort();
  await using prometheus = await startPrometheus(port);
  if (prometheus === undefined) {
    skip(NO_PROMTOOL);
    return;
  }
  await using shaky = await startUpstream({ kind: 'modern-http', ttlMs: TTL_MS });
  await using slow = await startUpstream({ kind: 'modern-http', ttlMs: 3_600_000 });
  await using mapped = await startUpstream({ kind: 'modern-http', ttlMs: 3_600_000 });
  const good = signedMap([entryFor(mapped, 'mapped')]);
  await using maps = await startMapServer(good);
  const start = async (): Promise<MapGateway> =>
    await startMapGateway(mapSettings(maps.url, { allowHosts: [hostOf(mapped)] }), {
      local: [
        connectorFor(shaky, 'shaky'),
        connectorFor(slow, 'slow', { bulkhead: { maxInFlight: 2 } }),
      ],
      settings: { port, refreshIntervalMs: TTL_MS },
    });
  let gateway = await start();
  const url = (): string => `${gateway.origin}/mcp`;
  const echo = (id: string) => async (): Promise<unknown> =>
    await sendModern(url(), 'tools/call', { name: `${id}__echo`, arguments: { message: 'x' } });
  const nap = async (): Promise<unknown> =>
    await sendModern(url(), 'tools/call', {
      name: 'slow__slow',
      arguments: { ms: 6_000, steps: 1 },
    });
  const load = [
    repeat(100, echo('shaky')),
    repeat(20, echo('mapped')),
    repeat(50, async () => await sendModern(url(), 'tools/list')),
  ];
  const naps: { stop(): Promise<void> }[] = [];
  const burning: { stop(): void }[] = [];
  const forge = async (body: string): Promise<void> => {
    maps.answer = { body };
    for (let index = 0; index < 3; index += 1) await gateway.service.refreshMap();
  };
  const descriptors = descriptorLimit();
  const faults: readonly Fault[] = [
    {
      alerts: ['CortexMcpMapSignature'],
      begin: async () => await forge(JSON.stringify({ ...good, brand: 'forged' })),
      end: async () => await forge(JSON.stringify(good)),
    },
    {
      alerts: ['CortexMcpConnectorDown', 'CortexMcpConnectorStale', 'CortexMcpCacheHitRate'],
      begin: () => shaky.setFaults([{ kind: 'status', status: 503, method: 'tools/list' }]),
      end: () => shaky.setFaults([]),
    },
    {
      alerts: ['CortexMcpCallErrors', 'CortexMcpBreakerOpen'],
      begin: () => shaky.setFaults([{ kind: 'status', status: 500, method: 'tools/call' }]),
      end: () => shaky.setFaults([]),
    },
    {
      alerts: ['CortexMcpPlacesTaken', 'CortexMcpCallsSlow', 'CortexMcpCallsVerySlow'],
      begin: async () => {
        // What is fast would hide one slow call in a hundred.
        await Promise.all(load.splice(0, 2).map(async (one) => await one.stop()));
        naps.push(...Array.from({ length: 6 }, () => repeat(1, nap)));
      },
      end: async () => {
        await Promise.all(naps.map(async (one) => await one.stop()));
        load.push(repeat(20, echo('mapped')));
      },
    },
    {
      alerts: ['CortexMcpCpu', 'CortexMcpEventLoop', 'CortexMcpEventLoopStalls'],
      begin: () => void burning.push(burn()),
      end: () => {
        for (const one of burning.splice(0)) one.stop();
      },
    },
    ...(descriptors > MOST_DESCRIPTORS
      ? []
      : [
          {
            alerts: ['CortexMcpDescriptors'],
            begin: () => void burning.push(hoard(Math.ceil(descriptors * 0.95))),
            end: () => {
              for (const one of burning.splice(0)) one.stop();
            },
          },
        ]),
    {
      alerts: ['CortexMcpDown'],
      begin: async () => await gateway.service.close(),
      end: async () => {
        gateway = await start();
      },
    },
  ];
  try {
    await waitUntil(async () => (await prometheus.seriesOf('mcp_catalog_items')) > 0, {
      timeoutMs: 30_000,
      describe: 'the gateway is scraped',
    });
    await prometheus.untilQuiet('the start');
    for (const { alerts, begin, end } of faults) {
      await begin();
      await prometheus.untilFired(alerts);
      await end();
      await prometheus.untilQuiet(alerts.join(', '));
    }
    // Every query of the dashboard is answered; most have something to show by now.
    const counts = await Promise.all(
      dashboardQueries(120).map(async ({ expr }) => await prometheus.seriesOf(expr)),
    );
    expect(counts.filter((count) => count > 0).length).toBeGreaterThan(counts.length / 2);
  } finally {
    for (const one of burning) one.stop();
    await Promise.all([...load, ...naps].map(async (one) => await one.stop()));
    await gateway.service.close();
  }
}, 900_000);
