import { startUpstream } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import {
  LEGACY_VERDICT_MS,
  createEraMemory,
  usableVerdict,
  type EraVerdict,
} from '../../src/upstream/streamable-http/era-memory.ts';
import { connectorFor, startGateway } from '../e2e/gateway-fixture.ts';

const verdict = (era: 'modern' | 'legacy', storedAtMs: number): EraVerdict => ({
  era,
  storedAtMs,
  info: undefined,
});

test('usableVerdict() lets a legacy verdict expire after 24 h and a modern one never', () => {
  const now = 10 * LEGACY_VERDICT_MS;
  const old = now - LEGACY_VERDICT_MS;
  expect(usableVerdict(undefined, now)).toBeUndefined();
  expect(usableVerdict(verdict('modern', 0), now)).toBeDefined();
  expect(usableVerdict(verdict('legacy', old + 1), now)).toBeDefined();
  expect(usableVerdict(verdict('legacy', old), now)).toBeUndefined();
  expect(usableVerdict(verdict('legacy', now + 1), now)).toBeUndefined();
});

test('createEraMemory() keeps the newest entries up to its bound, and forgets on demand', () => {
  const memory = createEraMemory(2);
  for (const key of ['a', 'b', 'a', 'c']) memory.set(key, verdict('modern', 1));
  expect(['a', 'b', 'c'].map((key) => memory.get(key) !== undefined)).toEqual([true, false, true]);
  memory.set('a', undefined);
  expect(memory.get('a')).toBeUndefined();
});

test('a service asks a server for its era once, also when the definition of its connector changes', async () => {
  await using upstream = await startUpstream({ kind: 'legacy-http-session' });
  await using gateway = await startGateway([connectorFor(upstream, 'c')], {
    backgroundRefresh: false,
  });
  await gateway.service.manager.sync();
  await gateway.service.apply([connectorFor(upstream, 'c', { isolation: 'session' })]);
  const { 'server/discover': probes, initialize } = upstream.counts.byMethod;
  expect({ probes, initialize }).toEqual({ probes: 1, initialize: 2 });
});
