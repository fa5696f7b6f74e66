import { expect, test, vi } from 'vitest';
import { MapFollower, type MapFollowerOptions } from '../../src/connectors/map/map-follower.ts';
import { DEFAULT_MAP_STALE_MS } from '../../src/connectors/map/service-map-time.ts';
import { ServiceMapError } from '../../src/connectors/map/service-map-error.ts';
import {
  loadConnectorServiceMap,
  type LoadedServiceMap,
} from '../../src/connectors/map/service-map.ts';
import { advance, useFakeTime } from './fake-time.ts';
import { seeded } from './refresh-scheduler-fixture.ts';
import { isoIn, keys, signed } from './service-map-fixture.ts';

useFakeTime();

const load = async (fields: object = {}): Promise<LoadedServiceMap> =>
  await loadConnectorServiceMap({ keys, source: { kind: 'inline', map: signed(fields) } });

type Step = (signal: AbortSignal) => Promise<LoadedServiceMap>;

/** A follower whose fetches do what `next` says, and what it told. */
function rig(first: Step, more: Partial<MapFollowerOptions> = {}) {
  const told: (string | undefined)[] = [];
  const fetchedAt: number[] = [];
  const errors: unknown[] = [];
  const start = performance.now();
  const it = { step: first, told, fetchedAt, errors };
  const follower = new MapFollower({
    source: 'https://maps.example/map',
    fetch: async (signal) => {
      fetchedAt.push(Math.round(performance.now() - start));
      return await it.step(signal);
    },
    restore: async () => undefined,
    onMap: async (map) => {
      told.push(map?.payload.id);
    },
    random: () => 0.5,
    onError: (error) => errors.push(error),
    ...more,
  });
  return { ...it, follower, steps: it };
}

const unreachable: Step = async () => {
  throw new ServiceMapError('MAP_UNREACHABLE', 'The map cannot be read');
};

test('start() fetches at once, then by the TTL of the map itself, at ttl × 0.825 for a middling draw (B7.9)', async () => {
  const { follower, told, fetchedAt } = rig(async () => await load({ ttlSeconds: 100 }));
  follower.start();
  await advance(0);
  expect(follower.status()).toMatchObject({ state: 'fresh', connectors: 2, lastError: undefined });
  await advance(165_000);
  expect(fetchedAt).toEqual([0, 82_500, 165_000]);
  expect(told.length).toBe(3);
  await follower.stop();
});

test('an unchanged map is not told again', async () => {
  const map = signed({ ttlSeconds: 100 });
  const { follower, told, fetchedAt } = rig(
    async () => await loadConnectorServiceMap({ keys, source: { kind: 'inline', map } }),
  );
  follower.start();
  await advance(100_000);
  expect(fetchedAt.length).toBe(2);
  expect(told).toEqual([map['id']]);
  await follower.stop();
});

test('an outage leaves the last good map in force as stale, with the reason by name, and ends within one interval (B7.3)', async () => {
  const { follower, steps, told, fetchedAt } = rig(async () => await load({ ttlSeconds: 60 }));
  follower.start();
  await advance(0);
  steps.step = unreachable;
  await advance(3_600_000);
  expect(follower.status()).toMatchObject({
    state: 'stale',
    connectors: 2,
    lastError: { code: 'MAP_UNREACHABLE' },
  });
  expect(follower.map).toBeDefined();
  expect(told.length).toBe(1);
  steps.step = async () => await load({ ttlSeconds: 60 });
  const failures = fetchedAt.length;
  await advance(60_000);
  expect(fetchedAt.length).toBeGreaterThan(failures);
  expect(follower.status()).toMatchObject({
    state: 'fresh',
    lastError: undefined,
    failuresInARow: 0,
  });
  await follower.stop();
});

test('retries back off, at most by the TTL and 300 s', async () => {
  const { follower, steps, fetchedAt } = rig(async () => await load({ ttlSeconds: 3_600 }), {
    random: () => 0.999,
  });
  follower.start();
  await advance(0);
  steps.step = unreachable;
  await advance(12 * 3_600_000);
  const gaps = fetchedAt.slice(2).map((at, index) => at - (fetchedAt[index + 1] ?? 0));
  expect(gaps.slice(0, 4)).toEqual([999, 1_998, 3_996, 7_992]);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(300_000);
  await follower.stop();
});

test('a map is used for 24 h and a margin past its TTL, then its end is told once and status says expired', async () => {
  const { follower, steps, told } = rig(async () => await load({ ttlSeconds: 60 }));
  follower.start();
  await advance(0);
  steps.step = unreachable;
  await advance(DEFAULT_MAP_STALE_MS + 59_000);
  expect(follower.status().state).toBe('stale');
  await advance(2_000);
  expect(follower.status().state).toBe('expired');
  expect(follower.map).toBeUndefined();
  await advance(3_600_000);
  expect(told.slice(1)).toEqual([undefined]);
  steps.step = async () => await load({ ttlSeconds: 60 });
  await follower.refresh();
  expect(follower.status().state).toBe('fresh');
  expect(told.length).toBe(3);
  await follower.stop();
});

test('a map ends at its signed notAfter, even while a fetch hangs', async () => {
  const map = await load({ ttlSeconds: 60, notAfter: isoIn(90_000) });
  const { follower, steps, told } = rig(async () => map);
  follower.start();
  await advance(0);
  steps.step = async (signal) => {
    const { promise, reject } = Promise.withResolvers<never>();
    signal.addEventListener('abort', () => reject(new Error('given up')));
    return await promise;
  };
  await advance(91_000);
  expect(told.slice(1)).toEqual([undefined]);
  expect(follower.status().state).toBe('expired');
  await follower.stop();
  expect(follower.status().lastError).toBeUndefined();
});

test('refresh() is single flight and re-arms the one timer (B7.7, B7.8)', async () => {
  const { follower, fetchedAt } = rig(async () => await load({ ttlSeconds: 100 }));
  await Promise.all([follower.refresh(), follower.refresh(), follower.refresh()]);
  expect(fetchedAt.length).toBe(1);
  await advance(50_000);
  await follower.refresh();
  await advance(82_000);
  expect(fetchedAt).toEqual([0, 50_000]);
  await advance(1_000);
  expect(fetchedAt.length).toBe(3);
  await follower.stop();
});

test('stop() cancels the fetch under way, waits for it, and nothing follows', async () => {
  const { follower, fetchedAt, errors } = rig(async (signal) => {
    const { promise, reject } = Promise.withResolvers<never>();
    signal.addEventListener('abort', () => reject(new Error('given up')));
    return await promise;
  });
  follower.start();
  await follower.stop();
  await follower.refresh();
  await advance(3_600_000);
  expect(fetchedAt.length).toBe(1);
  expect(errors).toEqual([]);
});

test('restore() takes over the map of an earlier run without telling, and start() fetches at once', async () => {
  const { follower, told, fetchedAt } = rig(unreachable, {
    restore: async () => await load({ ttlSeconds: 60 }),
  });
  expect(follower.settled).toBe(false);
  await follower.restore();
  expect(follower.settled).toBe(true);
  expect(follower.map?.payload.connectors.length).toBe(2);
  expect(told).toEqual([]);
  follower.start();
  await advance(0);
  expect(fetchedAt).toEqual([0]);
  expect(follower.map).toBeDefined();
  await follower.stop();
});

test('restore() that fails is named in status, and onMap that fails stops nothing', async () => {
  const { follower, errors } = rig(async () => await load(), {
    restore: async () => {
      throw new ServiceMapError('MAP_BAD_SIGNATURE', 'The signature is not good');
    },
    onMap: async () => {
      throw new Error('no');
    },
  });
  await follower.restore();
  expect(follower.status()).toMatchObject({
    state: 'none',
    lastError: { code: 'MAP_BAD_SIGNATURE' },
  });
  await follower.refresh();
  expect(follower.status().state).toBe('fresh');
  expect(errors.length).toBe(2);
  await follower.stop();
});

test('Retry-After of the producer is honoured', async () => {
  const { follower, fetchedAt } = rig(async () => {
    throw new ServiceMapError('MAP_HTTP_STATUS', 'answered 503', { retryAfterMs: 20_000 });
  });
  follower.start();
  await advance(19_999);
  expect(fetchedAt.length).toBe(1);
  await advance(1_000);
  expect(fetchedAt.length).toBe(2);
  await follower.stop();
});

test('MCP_CONNECTOR_REFRESH_SYNC: without background there is no timer; wanted() fetches what is due and tells an end (S4-19)', async () => {
  const { follower, steps, told, fetchedAt } = rig(
    async () => await load({ ttlSeconds: 100, notAfter: isoIn(400_000) }),
    { background: false },
  );
  expect(follower.wanted()).toBeUndefined();
  follower.start();
  expect(follower.wanted()).toBeDefined();
  await advance(0);
  expect(vi.getTimerCount()).toBe(0);
  await advance(82_000);
  expect(follower.wanted()).toBeUndefined();
  await advance(1_000);
  expect(fetchedAt.length).toBe(1);
  const fetched = follower.wanted();
  // Who asks meanwhile waits for the same fetch.
  expect(follower.wanted()).toBeDefined();
  await fetched;
  expect(fetchedAt).toEqual([0, 83_000]);
  steps.step = unreachable;
  await advance(400_000);
  expect(told.length).toBe(2);
  await follower.wanted();
  expect(told.at(-1)).toBeUndefined();
  expect(follower.map).toBeUndefined();
  // The retry is not due yet, and the end was told.
  expect(follower.wanted()).toBeUndefined();
  expect(vi.getTimerCount()).toBe(0);
  await follower.stop();
  expect(follower.wanted()).toBeUndefined();
});

test.each([60, 300, 3_600])(
  'an outage of 24 h, whenever it begins, leaves a map with a TTL of %d s in force until the retry after it (S4-08)',
  { timeout: 60_000 },
  async (ttlSeconds) => {
    for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
      const good: Step = async () => await load({ generatedAt: isoIn(0), ttlSeconds });
      const { follower, told, steps } = rig(good, { random: seeded(seed) });
      follower.start();
      await advance(20 * 60_000 + seed * 7_000);
      steps.step = unreachable;
      await advance(86_400_000);
      steps.step = good;
      await advance(300_000);
      expect(told).not.toContain(undefined);
      expect(follower.status()).toMatchObject({ state: 'fresh', failuresInARow: 0 });
      await follower.stop();
    }
  },
);
