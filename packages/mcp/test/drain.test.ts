import { waitUntil } from '@cortex-os/testkit';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { drainService, type CutCall, type DrainParts } from '../src/service/drain.ts';

// Time is fake: a lame duck takes seconds.
beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

interface Bench {
  readonly said: string[];
  readonly parts: DrainParts;
  open: number;
  busy: number;
  streams: number;
  quiet: boolean;
  calls: CutCall[];
}

function bench(changes: Partial<Omit<DrainParts, 'connections'>> = {}): Bench {
  const said: string[] = [];
  const say = (what: string) => () => void (said.at(-1) === what || said.push(what));
  const state: Bench = {
    said,
    open: 1,
    busy: 0,
    streams: 0,
    quiet: false,
    calls: [],
    parts: {
      connections: {
        begin: say('begin'),
        stopAccepting: say('stop accepting'),
        get open() {
          return state.open;
        },
        get busy() {
          return state.busy;
        },
        quietFor: () => state.quiet,
        cutBusy: say('cut'),
        end: async () => await Promise.resolve(),
      },
      quiesce: async () => await Promise.resolve(say('quiesce')()),
      handOver: async () => await Promise.resolve(say('hand over')()),
      endStreams: say('end streams'),
      answerStreams: () => state.streams,
      callsInFlight: () => state.calls,
      close: async () => await Promise.resolve(say('close')()),
      ...changes,
    },
  };
  return state;
}

const CALL: CutCall = { connector: 'one', method: 'tools/call', ageMs: 5 };

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  await settle();
}

test('answers for the whole lame duck while it accepts, then ends streams and closes (§6.3)', async () => {
  const one = bench();
  const done = drainService(one.parts, { lameDuckMs: 6_000, maxMs: 1_000, yields: false });
  await pass(5_900);
  expect(one.said).toEqual(['begin', 'quiesce']);
  await pass(200);
  expect(one.said).toEqual(['begin', 'quiesce', 'stop accepting', 'hand over', 'end streams']);
  await pass(1_000);
  expect(await done).toEqual({ kind: 'ended', cut: [] });
  expect(one.said.at(-1)).toBe('close');
});

test('a worker of a cluster takes no new connection from the first moment, and ends its streams then', async () => {
  const one = bench();
  const done = drainService(one.parts, { lameDuckMs: 6_000, maxMs: 1_000, yields: true });
  await pass(100);
  expect(one.said).toEqual(['begin', 'quiesce', 'stop accepting', 'end streams']);
  one.open = 0;
  await pass(200);
  expect(await done).toEqual({ kind: 'ended', cut: [] });
});

test('the lame duck of a service that nobody has used for as long ends at once', async () => {
  const one = bench();
  one.quiet = true;
  one.open = 0;
  const done = drainService(one.parts, { lameDuckMs: 6_000, maxMs: 300_000, yields: false });
  await pass(60);
  expect(await done).toEqual({ kind: 'ended', cut: [] });
});

test('calls under way are waited for up to maxMs; those that are left are named (T7)', async () => {
  const one = bench();
  one.busy = 1;
  one.calls = [CALL];
  const done = drainService(one.parts, { lameDuckMs: 0, maxMs: 10_000, yields: false });
  await pass(9_900);
  expect(one.said).not.toContain('close');
  await pass(200);
  expect(await done).toEqual({ kind: 'ended', cut: [CALL] });
});

test('a stream that carries answers is left open while calls are under way, and holds up nothing after that', async () => {
  const one = bench();
  one.busy = 1;
  one.streams = 1;
  one.calls = [CALL];
  const done = drainService(one.parts, { lameDuckMs: 0, maxMs: 10_000, yields: false });
  await pass(1_000);
  expect(one.said).not.toContain('close');
  one.calls = [];
  await pass(100);
  expect(await done).toEqual({ kind: 'ended', cut: [] });
});

test('a part that never closes makes it stuck, and what hands over may fail', async () => {
  const one = bench({
    close: async () => await new Promise(() => undefined),
    handOver: async () => await Promise.reject(new Error('the disk is full')),
  });
  const done = drainService(one.parts, { lameDuckMs: 0, maxMs: 0, yields: false });
  await pass(16_000);
  expect(await done).toEqual({ kind: 'stuck', cut: [] });
  vi.useRealTimers();
  await waitUntil(() => one.said.includes('begin'), { describe: 'it began' });
});
