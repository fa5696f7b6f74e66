import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openLiveTable } from '../../src/cli/live-table.ts';
import { drawProgress, progressLines, withProgress } from '../../src/cli/progress.ts';
import type { ConnectorStatus } from '../../src/connectors/sync-report.ts';
import { cliBench, memoryServer, missingServer } from './fake-io.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
});
afterEach(() => void vi.useRealTimers());

function status(id: string, changes: Partial<ConnectorStatus> = {}): ConnectorStatus {
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
  failure: { phase: 'spawn', code: 'SPAWN_FAILED', message: 'no such file' },
};

function sourceOf(first: readonly ConnectorStatus[]) {
  const listeners = new Set<() => void>();
  let now = first;
  return {
    listeners,
    listConnectors: () => now,
    onChange: (listener: () => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    set: (next: readonly ConnectorStatus[]) => {
      now = next;
      for (const listener of listeners) listener();
    },
  };
}

test('progressLines() counts, and shows what failed or is under way when not all fit', async () => {
  await using bench = await cliBench({ columns: 60 });
  const many = [
    ...Array.from({ length: 6 }, (_, index) => status(`good-${index}`, fresh)),
    status('late'),
    status('bad', broken),
    status('off', { state: 'disabled' }),
  ];
  const all = progressLines(many, bench.io, { rows: 30, elapsedMs: 1_234 });
  expect(all[0]).toBe('6 of 8 connectors ready, 1 failed, 1 connecting (1.2 s)');
  expect(all).toHaveLength(11);
  const few = progressLines(many, bench.io, { rows: 6, elapsedMs: 0 });
  expect(few).toHaveLength(6);
  expect(few[2]).toMatch(/^bad +unavailable/);
  expect(few[3]).toMatch(/^late +connecting/);
  expect(few[5]).toBe('and 6 more');
});

test('drawProgress() draws at once, after changes and each tick, and takes the lines away at its end', async () => {
  await using bench = await cliBench({
    isTty: true,
    columns: 60,
    rows: 20,
    env: { NO_COLOR: '1' },
  });
  const live = openLiveTable(bench.io);
  if (live === undefined) throw new Error('this terminal can draw');
  const source = sourceOf([status('a'), status('b')]);
  const end = drawProgress(source, live);
  expect(bench.stdout.text).toContain('0 of 2 connectors ready, 2 connecting');
  source.set([status('a', fresh), status('b')]);
  source.set([status('a', fresh), status('b', broken)]);
  bench.stdout.text = '';
  vi.advanceTimersByTime(50);
  expect(bench.stdout.text).toContain('1 of 2 connectors ready, 1 failed');
  expect(bench.stdout.text).not.toContain('\u001B[32m');
  bench.stdout.text = '';
  vi.advanceTimersByTime(250);
  expect(bench.stdout.text).toContain('1 of 2 connectors ready, 1 failed');
  end();
  expect(bench.stdout.text.endsWith('\u001B[4A\u001B[J')).toBe(true);
  expect(source.listeners.size).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});

test('withProgress() in a pipe says plain lines on stderr only when it takes long', async () => {
  await using bench = await cliBench();
  const source = sourceOf([status('a'), status('b', fresh)]);
  const context = {
    io: bench.io,
    flags: {},
    json: false,
    options: { has: () => false, text: () => undefined, all: () => [] },
    args: [],
    rest: [],
  };
  const { promise, resolve } = Promise.withResolvers<number>();
  const working = withProgress(source, { context, live: undefined }, async () => await promise);
  vi.advanceTimersByTime(1_999);
  expect(bench.stderr.text).toBe('');
  vi.advanceTimersByTime(1);
  expect(bench.stderr.text).toMatch(/^1 of 2 connectors ready, 1 connecting \(\d+ m?s\)\n$/);
  source.set([status('a', fresh), status('b', fresh)]);
  vi.advanceTimersByTime(2_000);
  expect(bench.stderr.text.match(/\n/g)).toHaveLength(1);
  resolve(7);
  expect(await working).toBe(7);
  expect(vi.getTimerCount()).toBe(0);
  expect(bench.stdout.text).toBe('');
});

test('sync and serve draw on a terminal and end with the table alone', async () => {
  vi.useRealTimers();
  await using bench = await cliBench({ isTty: true, stderrIsTty: true, columns: 90, rows: 20 });
  await bench.configure({ memory: memoryServer(bench.path), missing: missingServer });
  expect(await bench.run('sync')).toBe(1);
  expect(bench.stdout.text).toContain('of 2 connectors ready');
  expect(bench.stdout.text.lastIndexOf('of 2 connectors ready')).toBeLessThan(
    bench.stdout.text.lastIndexOf('2 connectors, 1 failed'),
  );
  bench.stdout.text = '';
  const running = bench.run('--port', '0');
  await bench.stdout.until(/\[J\n.*CONNECTOR.*[^]*memory +\S*fresh/);
  bench.stop('SIGINT');
  expect(await running).toBe(0);
  expect(bench.stdout.text).toMatch(/stopping\n/);
  bench.stdout.text = '';
  await using plain = await cliBench({ ...bench.io, signal: new AbortController().signal });
  expect(await plain.run('sync', '--json')).toBe(1);
  expect(JSON.parse(bench.stdout.text).outcomes).toHaveLength(2);
});
