import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { reportConnectors } from '../../src/cli/serve-report.ts';
import type { ConnectorStatus } from '../../src/connectors/sync-report.ts';
import { cliBench, type CliBench } from './fake-io.ts';

/** Changes are shown together after this time. */
const SETTLE_MS = 50;

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

function status(id: string, changes: Partial<ConnectorStatus>): ConnectorStatus {
  return {
    id,
    title: id,
    transport: 'stdio',
    state: 'unavailable',
    phase: 'connect',
    busy: true,
    era: undefined,
    protocolVersion: undefined,
    serverInfo: undefined,
    tools: 0,
    prompts: 0,
    resources: 0,
    ageMs: undefined,
    durationMs: undefined,
    failure: undefined,
    warnings: [],
    ...changes,
  };
}

const fresh: Partial<ConnectorStatus> = { state: 'fresh', era: 'modern', tools: 3, durationMs: 12 };
const broken: Partial<ConnectorStatus> = {
  failure: {
    phase: 'spawn',
    code: 'SPAWN_FAILED',
    message: 'no\nsuch \u001b[31mfile',
    remedy: 'try another',
  },
};

function source(connectors: ConnectorStatus[]): {
  listConnectors(): ConnectorStatus[];
  onChange(listener: () => void): () => void;
  set(...next: ConnectorStatus[]): void;
} {
  let current = connectors;
  const listeners = new Set<() => void>();
  return {
    listConnectors: () => current,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    set: (...next) => {
      current = next;
      for (const listener of listeners) listener();
      vi.advanceTimersByTime(SETTLE_MS);
    },
  };
}

/** What has been written since the last look. */
function reader(bench: CliBench): () => string {
  let seen = 0;
  return () => {
    const text = bench.stdout.text.slice(seen);
    seen = bench.stdout.text.length;
    return text;
  };
}

test('reportConnectors() shows the table as soon as all have settled, then changes line by line', async () => {
  await using bench = await cliBench();
  const connectors = source([status('a', {}), status('b', {})]);
  const read = reader(bench);
  const end = reportConnectors(connectors, bench.io, 1500);
  connectors.set(status('a', fresh), status('b', {}));
  expect(read()).toBe('');
  connectors.set(status('a', fresh), status('b', broken));
  expect(read().split('\n').slice(2)).toEqual([
    'a          fresh        modern      3  12 ms',
    'b          unavailable  -           -      -  spawn: no such file (SPAWN_FAILED)',
    'b: try another (cortex-mcp explain SPAWN_FAILED)',
    '',
  ]);
  vi.advanceTimersByTime(2000);
  expect(read()).toBe('');
  connectors.set(status('a', { ...fresh, state: 'stale' }), status('b', broken));
  expect(read()).toBe('');
  connectors.set(
    status('a', fresh),
    status('b', { ...fresh, era: undefined, durationMs: undefined }),
  );
  expect(read()).toBe('b: fresh (-, 3 tools, -)\n');
  connectors.set(status('b', { ...fresh, state: 'stale', ...broken }));
  expect(read()).toBe(
    'a: removed\nb: stale (modern, 3 tools, 12 ms; spawn: no such file (SPAWN_FAILED); try another)\n',
  );
  connectors.set(status('b', { state: 'disabled', ...broken }));
  expect(read()).toBe('b: disabled\n');
  end();
  connectors.set();
  expect(read()).toBe('');
});

test('reportConnectors() shows late connectors as connecting when the wait is over, and their end once', async () => {
  await using bench = await cliBench();
  const waiting = (ms: number): ConnectorStatus =>
    status('slow', {
      failure: { phase: 'handshake', code: 'PENDING', message: `no answer yet after ${ms} ms` },
    });
  const connectors = source([status('a', fresh), waiting(1)]);
  const read = reader(bench);
  const end = reportConnectors(connectors, bench.io, 1500);
  vi.advanceTimersByTime(1499);
  expect(read()).toBe('');
  vi.advanceTimersByTime(1);
  expect(read()).toContain(
    'slow       connecting   -           -      -  handshake: no answer'.slice(0, 21),
  );
  connectors.set(status('a', fresh), waiting(1600));
  expect(read()).toBe('');
  connectors.set(status('a', fresh), status('slow', { ...fresh, durationMs: 1600 }));
  expect(read()).toBe('slow: fresh (modern, 3 tools, 1.6 s)\n');
  end();
});

test('reportConnectors() reads the state once for changes that come together', async () => {
  await using bench = await cliBench();
  const listeners = new Set<() => void>();
  let reads = 0;
  const end = reportConnectors(
    {
      listConnectors: () => {
        reads += 1;
        return [status('a', fresh)];
      },
      onChange: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    bench.io,
    1500,
  );
  const before = reads;
  for (let change = 0; change < 100; change += 1) for (const listener of listeners) listener();
  vi.advanceTimersByTime(SETTLE_MS);
  expect(reads - before).toBe(1);
  end();
});
