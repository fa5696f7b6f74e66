import { startUpstream, tempFolder } from '@cortex-os/testkit';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createEraMemory } from '../../src/upstream/streamable-http/era-memory.ts';
import { connectorFor, startGateway } from '../e2e/gateway-fixture.ts';
import {
  DISCOVERED,
  SIGNAL,
  definitionFor,
  json,
  legacyAnswer,
  open,
  startWire,
} from './http-fixture.ts';

const HOUR = 3_600_000;
const START_MS = Date.parse('2026-11-20T12:00:00Z');

beforeEach(() => void vi.useFakeTimers({ now: START_MS, toFake: ['Date'] }));
afterEach(() => void vi.useRealTimers());

test('a legacy server that learns the modern revision is found out at the first reconnect after 24 h (S4-01)', async () => {
  let isModern = false;
  const legacy = legacyAnswer((_seen, response) => void response.writeHead(405).end());
  await using wire = await startWire(async (seen, response) => {
    const { method, id } = seen.message;
    if (isModern && method === 'server/discover') {
      json(response, { jsonrpc: '2.0', id, result: DISCOVERED });
    } else await legacy(seen, response);
  });
  const eraMemory = createEraMemory();
  const spoken: string[] = [];
  for (let hours = 0; hours <= 60; hours += 20) {
    vi.setSystemTime(START_MS + hours * HOUR);
    await using opened = open(definitionFor(wire.url), { eraMemory });
    const before = wire.methods().length;
    const { era } = await opened.upstream.connect(SIGNAL);
    isModern = true;
    spoken.push(`${wire.methods()[before]} -> ${era}`);
  }
  expect(spoken).toEqual([
    'server/discover -> legacy',
    'initialize -> legacy',
    'server/discover -> modern',
    // A modern verdict is good until a request proves it wrong.
    'undefined -> modern',
  ]);
});

test('a legacy verdict keeps its date over restarts, and a newer one is kept although the lists are the same', async () => {
  await using folder = tempFolder();
  const settings = { manifestFolder: folder.path, backgroundRefresh: false };
  await using upstream = await startUpstream({ kind: 'legacy-http-session' });
  const probes: [hours: number, discovers: number | undefined][] = [];
  for (const hours of [0, 20, 40, 50, 63, 65]) {
    vi.setSystemTime(START_MS + hours * HOUR);
    await using gateway = await startGateway([connectorFor(upstream, 'm')], settings);
    await gateway.service.manager.sync(true);
    probes.push([hours, upstream.counts.byMethod['server/discover']]);
  }
  expect(probes).toEqual([
    [0, 1],
    [20, 1],
    [40, 2],
    [50, 2],
    [63, 2],
    [65, 3],
  ]);
  expect(upstream.counts.byMethod['initialize']).toBe(6);
});

test('what a definition says of the era is not taken for what the server said', async () => {
  await using wire = await startWire(legacyAnswer(() => undefined));
  const eraMemory = createEraMemory();
  await using pinned = open(definitionFor(wire.url, { era: 'legacy' }), { eraMemory });
  await pinned.upstream.connect(SIGNAL);
  const before = wire.methods().length;
  await using free = open(definitionFor(wire.url), { eraMemory });
  await free.upstream.connect(SIGNAL);
  expect(wire.methods()[before]).toBe('server/discover');
});
