import { tempFolder } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { monitorLines, monitorScreen } from '../../src/cli/monitor-lines.ts';
import { createHostFiles } from '../../src/proof/host-files.ts';
import type { MonitorFrame } from '../../src/proof/monitor-frame.ts';
import { createMonitorWatch } from '../../src/proof/monitor-watch.ts';
import { callLines, kernelFiles, reading, statLine } from './reading-fixture.ts';

const MIB = 1_048_576;
const now = (): number => Date.UTC(2026, 0, 1);

const tool = (pids: readonly number[], more: object = {}): object => ({
  id: 'tool',
  state: 'fresh',
  transport: 'stdio',
  pids,
  calls: { breaker: 'open', inFlight: 2, queued: 1 },
  ...more,
});

test('next() gives rates, latency, errors and memory between two readings, of processes as groups', async () => {
  await using folder = tempFolder();
  await kernelFiles(folder.path, {
    'proc/100/status': 'VmRSS:   4096 kB\n',
    'proc/7/stat': statLine(7, 100, 7),
    'proc/7/status': 'VmRSS:   1024 kB\n',
    'proc/8/stat': statLine(8, 7, 7),
    'proc/8/status': 'VmRSS:   1024 kB\n',
    'proc/pressure/memory':
      'some avg10=7.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=1.00 avg60=0.00 avg300=0.00 total=0\n',
  });
  const watch = createMonitorWatch({ local: true, files: createHostFiles(folder.path), now });
  expect(
    await watch.next(
      reading({
        atMs: 1_000,
        connectors: [tool([7])],
        metrics: [...callLines('tool', 'ok', { count: 100 }), 'process_cpu_seconds_total 1'],
      }),
    ),
  ).toBeUndefined();
  const frame = await watch.next(
    reading({
      atMs: 3_000,
      connectors: [tool([7])],
      metrics: [
        ...callLines('tool', 'ok', { count: 140 }),
        ...callLines('tool', 'timeout', { count: 2, belowS: 1 }),
        ...callLines('tool', 'cancelled', { count: 2 }),
        'mcp_event_loop_delay_seconds{stat="p99"} 0.02',
        'process_cpu_seconds_total 2',
      ],
    }),
  );
  expect(frame).toMatchObject({
    at: '2026-01-01T00:00:00.000Z',
    seconds: 2,
    pressure: { where: 'machine', some: 7, full: 1 },
    service: { restarted: false, cpuPercent: 50, eventLoopP99Ms: 20, rssBytes: 4 * MIB },
  });
  const [connector] = frame?.connectors ?? [];
  expect(connector).toMatchObject({
    callsPerSecond: 22,
    errorsPerSecond: 1,
    inFlight: 2,
    queued: 1,
    restarts: 0,
    rssBytes: 2 * MIB,
    breaker: 'open',
  });
  // 42 of 44 calls between 3 and 12 ms, two between 250 and 1000.
  expect(connector?.p50Ms).toBeCloseTo(3 + (9 * 22) / 42, 5);
  expect(connector?.p99Ms).toBeCloseTo(250 + 750 * ((43.56 - 42) / 2), 5);
});

test('next() counts what a restarted service has counted since, and begins its restarts anew', async () => {
  const watch = createMonitorWatch({ local: false, now });
  await watch.next(
    reading({
      atMs: 0,
      connectors: [tool([7])],
      metrics: [...callLines('tool', 'ok', { count: 1_000 })],
    }),
  );
  const frame = await watch.next(
    reading({
      atMs: 2_000,
      pid: 200,
      startedAt: '2026-01-01T00:00:09.000Z',
      connectors: [tool([9])],
      metrics: [...callLines('tool', 'ok', { count: 10 })],
    }),
  );
  expect(frame?.service.restarted).toBe(true);
  expect(frame?.connectors[0]).toMatchObject({ callsPerSecond: 5, restarts: 0 });
  expect(frame?.pressure).toBeUndefined();
});

test('next() counts a process that took the place of another, also after a while, but none that was woken', async () => {
  const watch = createMonitorWatch({ local: false, now });
  let atMs = 0;
  const restarts = async (pids: readonly number[], more: object = {}): Promise<unknown> => {
    atMs += 1_000;
    const frame = await watch.next(reading({ atMs, connectors: [tool(pids, more)] }));
    return frame?.connectors[0]?.restarts;
  };
  await restarts([1]);
  expect(await restarts([2])).toBe(1);
  expect(await restarts([])).toBe(1);
  expect(await restarts([3])).toBe(2);
  expect(await restarts([], { asleep: true })).toBe(2);
  expect(await restarts([4])).toBe(2);
  // A pool that grows.
  expect(await restarts([4, 5, 6])).toBe(2);
  expect(await restarts([4, 8, 9])).toBe(4);
});

test('next() counts losses that the service has counted, however many there were between two looks', async () => {
  const watch = createMonitorWatch({ local: false, now });
  let atMs = 0;
  const restarts = async (pids: readonly number[], more: object, startedAt?: string) => {
    atMs += 1_000;
    const connectors = [tool(pids, more)];
    const frame = await watch.next(reading({ atMs, connectors, ...(startedAt && { startedAt }) }));
    return frame?.connectors[0]?.restarts;
  };
  await restarts([1], { losses: 5 });
  expect(await restarts([9], { losses: 25 })).toBe(20);
  // It is away, and comes back: that is the same loss.
  expect(await restarts([], { losses: 26 })).toBe(21);
  expect(await restarts([11], { losses: 26 })).toBe(21);
  // Another service has counted all of its own since it was started.
  expect(await restarts([12], { losses: 3 }, '2026-01-02T00:00:00.000Z')).toBe(24);
});

test('monitorScreen(), monitorLines() show the busiest first and a dash for what is not known', () => {
  const base = {
    state: 'fresh',
    breaker: 'closed',
    errorsPerSecond: 0,
    calls: 0,
    errors: 0,
    syncFailures: 2,
    inFlight: 0,
    queued: 0,
    restarts: 0,
    processes: 0,
    p50Ms: undefined,
    p95Ms: undefined,
    p99Ms: undefined,
    rssBytes: undefined,
    pssBytes: undefined,
  };
  const frame: MonitorFrame = {
    at: '2026-01-01T00:00:00.000Z',
    seconds: 2,
    pressure: undefined,
    service: {
      version: '1.2.3',
      pid: 1,
      startedAt: 'then',
      restarted: true,
      cpuPercent: 3,
      heapUsedBytes: 5 * MIB,
      eventLoopP99Ms: 1,
      gcPercent: 0.5,
      stalledPercent: 12.7,
      calls: 24,
      errors: 0,
      syncFailures: 2,
      callsPerSecond: 12,
      errorsPerSecond: 0,
      inFlight: 1,
      sessions: 2,
      p50Ms: 2.5,
      p95Ms: 20,
      p99Ms: 30,
      rssBytes: 80 * MIB,
      pssBytes: undefined,
    },
    connectors: [
      { ...base, id: 'quiet', callsPerSecond: 0 },
      { ...base, id: 'busy', callsPerSecond: 12, breaker: 'open', queued: 3, p50Ms: 2.5 },
    ],
  };
  const screen = monitorScreen(frame, { paint: (_colour, text) => text, columns: 120 });
  expect(screen[0]).toBe('cortex-mcp 1.2.3 pid 1 since then  restarted');
  expect(screen[2]).toBe('memory pressure unknown');
  expect(screen[3]).toMatch(/^CONNECTOR +STATE +CALLS\/S/);
  expect(screen[4]).toMatch(/^busy +fresh +12 +0 +2\.5 +- +- +0\+3 +0 +- +- +open$/);
  expect(screen[5]).toMatch(/^quiet /);
  const lines = monitorLines(frame);
  expect(lines).toHaveLength(3);
  expect(lines[0]).toContain('rss 80 pss - heap 5 MiB');
  expect(lines[0]).toContain('loop p99 1.0 ms stalled 12.7 %');
  expect(lines[1]).toContain('failed syncs 2');
  expect(lines[1]).toMatch(/^2026-01-01T00:00:00\.000Z busy {2}fresh {2}12 calls\/s/);
});
