import { setImmediate as nextTurn } from 'node:timers/promises';
import { startFleet, waitUntil, type RunningUpstream } from '@cortex-os/testkit';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { ConnectorDefinition } from '../../src/connectors/connector.ts';
import { createService, type Service } from '../../src/service/service.ts';
import { DEFAULT_SETTINGS } from '../../src/service/default-settings.ts';
import { connectorFor } from '../e2e/gateway-fixture.ts';
import { startCensus, type Census, type ResourceCensus } from './resource-census.ts';

const ROUNDS = 100;
/** Sockets and timers come and go with requests; one that is left behind each round would be a hundred more. */
const SLACK = 10;
/** Of one server and two services: four lists beside the end of a handshake, and the notification stream. */
const MAX_CONNECTIONS = 12;

const COLD = { timeout: 180_000 };

interface Rig extends AsyncDisposable {
  readonly service: Service;
  readonly url: string;
}

async function startService(connectors: readonly ConnectorDefinition[]): Promise<Rig> {
  const service = createService({
    connectors,
    settings: { ...DEFAULT_SETTINGS, refreshIntervalMs: 86_400_000 },
    logger: pino({ level: 'silent' }),
    baseEnv: process.env,
    version: '0.0.0-test',
    // The least draw of every jitter and backoff: a killed process may be started again at once.
    random: () => 0,
  });
  const { url } = await service.start();
  return { service, url, [Symbol.asyncDispose]: async () => await service.close() };
}

interface Holdings {
  readonly opened: Census;
  readonly active: Census;
  readonly listeners: Census;
  readonly children: number;
}

const holdings = (census: ResourceCensus): Holdings => ({
  opened: census.opened(),
  active: census.active(),
  listeners: census.listeners(),
  children: census.children(),
});

/** Kinds of which there are more than before, e.g. `Timeout 3 > 1`. */
function surplus(now: Census, before: Census, slack = 0): readonly string[] {
  return Object.entries(now)
    .filter(([kind, count]) => count > (before[kind] ?? 0) + slack)
    .map(([kind, count]) => `${kind} ${count} > ${before[kind] ?? 0}`);
}

function leftBehind(now: Holdings, before: Holdings, slack = 0): readonly string[] {
  return [
    ...surplus(now.opened, before.opened, slack),
    ...surplus(now.active, before.active, slack),
    ...surplus(now.listeners, before.listeners),
    ...surplus({ children: now.children }, { children: before.children }),
  ];
}

async function expectNothingLeft(
  census: ResourceCensus,
  before: Holdings,
  slack = 0,
): Promise<void> {
  let left: readonly string[] = [];
  await waitUntil(
    async () => {
      await nextTurn(); // by then the hooks know that the timer of this very wait is over
      left = leftBehind(holdings(census), before, slack);
      return left.length === 0;
    },
    { timeoutMs: 10_000, describe: 'as much is held as before' },
  ).catch(() => undefined); // the next line says what is left
  expect(left).toEqual([]);
  expect(census.warnings).toEqual([]);
}

async function allSynced(service: Service, count: number): Promise<void> {
  await waitUntil(
    async () => {
      const { outcomes } = await service.manager.sync(true);
      const good = outcomes.filter(({ kind }) => kind === 'synced' || kind === 'unchanged');
      return good.length === count;
    },
    { timeoutMs: 20_000, describe: 'every connector is synced' },
  );
}

const connectorsOf = (fleet: readonly RunningUpstream[]): readonly ConnectorDefinition[] =>
  fleet.map((upstream) => connectorFor(upstream));

/**
 * What is there before a service is: a first one has come and gone, so that what modules keep for the whole process
 * is there, and the servers of the testkit listen on sockets that the census knows.
 */
async function baseline(
  census: ResourceCensus,
  fleet: readonly RunningUpstream[],
): Promise<Holdings> {
  {
    await using rig = await startService(connectorsOf(fleet));
    await allSynced(rig.service, fleet.length);
  }
  await Promise.all(fleet.map(async (upstream) => await upstream.restart()));
  await nextTurn();
  return holdings(census);
}

async function metricLines(url: string): Promise<number> {
  const answer = await fetch(new URL('/metrics', url));
  const text = await answer.text();
  return text.split('\n').filter((line) => line.includes('connector="')).length;
}

test(
  'a hundred reconnects leave no timer, socket, child or listener behind (S4-32, B7.15)',
  COLD,
  async () => {
    await using fleet = await startFleet([
      { kind: 'modern-http' },
      { kind: 'legacy-http-session' },
      { kind: 'legacy-stdio' },
    ]);
    const [modern, legacy, child] = fleet;
    using census = startCensus();
    const before = await baseline(census, fleet);
    {
      await using rig = await startService(connectorsOf(fleet));
      await allSynced(rig.service, fleet.length);
      await allSynced(rig.service, fleet.length);
      const steady = holdings(census);
      expect(steady.children).toBe(before.children + 2); // the server, and the one that watches over it
      for (let round = 0; round < ROUNDS; round += 1) {
        await Promise.all(fleet.map(async (upstream) => await upstream.restart()));
        await allSynced(rig.service, fleet.length);
      }
      expect(legacy.counts.sessions).toBeGreaterThanOrEqual(ROUNDS);
      expect(child.counts.connections).toBeGreaterThanOrEqual(ROUNDS);
      expect(modern.counts.connections).toBeGreaterThanOrEqual(ROUNDS);
      await expectNothingLeft(census, steady, SLACK);
      for (const { open } of [modern, legacy]) {
        expect(open.connections).toBeLessThanOrEqual(MAX_CONNECTIONS);
        expect(open.sessions).toBeLessThanOrEqual(1);
      }
      expect(child.processes()).toHaveLength(1);
    }
    await expectNothingLeft(census, before);
    await waitUntil(() => modern.open.connections + legacy.open.connections === 0, {
      describe: 'the servers have seen every connection end',
    });
    expect(legacy.open.sessions).toBe(0);
  },
);

test(
  'a hundred refreshes leave no timer, socket, child or listener behind (S4-32)',
  COLD,
  async () => {
    await using fleet = await startFleet([
      { kind: 'modern-http' },
      { kind: 'legacy-http-session' },
      { kind: 'legacy-http-stateless' },
      { kind: 'legacy-stdio' },
      { kind: 'modern-stdio' },
    ]);
    using census = startCensus();
    const before = await baseline(census, fleet);
    {
      await using rig = await startService(connectorsOf(fleet));
      await allSynced(rig.service, fleet.length);
      await allSynced(rig.service, fleet.length);
      const steady = holdings(census);
      const generation = (rig.service.status()['catalog'] as { generation: number }).generation;
      for (let round = 0; round < ROUNDS; round += 1) {
        const { outcomes } = await rig.service.manager.sync(true);
        expect(outcomes.map(({ kind }) => kind)).toEqual(fleet.map(() => 'unchanged'));
      }
      await expectNothingLeft(census, steady, SLACK);
      for (const upstream of fleet) {
        // Nothing is opened anew for a refresh.
        expect(upstream.counts.connections).toBeLessThanOrEqual(MAX_CONNECTIONS);
        expect(upstream.counts.byMethod['tools/list']).toBeGreaterThanOrEqual(ROUNDS);
      }
      expect(generation).toBeGreaterThan(0);
    }
    await expectNothingLeft(census, before);
  },
);

test(
  'a hundred reconciles leave no timer, socket, child, listener or metric behind (S4-31, S4-32, B7.4)',
  COLD,
  async () => {
    await using fleet = await startFleet([
      { kind: 'modern-http' },
      { kind: 'legacy-http-session' },
      { kind: 'legacy-stdio' },
    ]);
    const [modern, legacy, child] = fleet;
    const base = [connectorFor(modern, 'stays')];
    // Added, replaced under the same ids, removed: a third of the rounds each.
    const steps = [
      [...base, connectorFor(legacy, 'web'), connectorFor(child, 'program')],
      [...base, connectorFor(modern, 'web'), connectorFor(child, 'program', { trusted: true })],
      base,
    ];
    using census = startCensus();
    const before = await baseline(census, fleet);
    {
      await using rig = await startService(base);
      const { service, url } = rig;
      for (const step of steps) await service.apply(step);
      const steady = holdings(census);
      const metrics = await metricLines(url);
      const rounds = Math.ceil(ROUNDS / steps.length) * steps.length;
      for (let round = 0; round < rounds; round += 1) {
        await service.apply(steps[round % steps.length] ?? base);
        const wanted = (steps[round % steps.length] ?? base).map(({ id }) => id);
        const offered = new Set(service.tools().map(({ connectorId }) => connectorId));
        expect([...offered].toSorted()).toEqual(wanted.toSorted());
      }
      await waitUntil(() => child.processes().length === 0, {
        describe: 'the removed process is gone',
      });
      await expectNothingLeft(census, steady, SLACK);
      expect(legacy.open.sessions).toBe(0);
      expect(legacy.open.connections).toBeLessThanOrEqual(MAX_CONNECTIONS);
      expect(await metricLines(url)).toBe(metrics);
    }
    await expectNothingLeft(census, before);
  },
);
