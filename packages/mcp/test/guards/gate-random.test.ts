import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createConnectorGates } from '../../src/guards/connector-gate.ts';
import { DEADLINE_EXCEEDED, type CallLine, type ForwardSink } from '../../src/upstream/upstream.ts';
import { seeded } from '../chaos/seeded.ts';
import { definitionFor } from '../upstream/http-fixture.ts';
import { callThrough, failure, READ_ONLY, refused, type Heard } from './gate-fixture.ts';

// Whatever comes in whatever order: no place, quota or probe is lost, and nothing is left at a server.

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function ask(sink: ForwardSink): void {
  sink.request({
    method: 'elicitation/create',
    paramsText: '{}',
    respond: () => undefined,
    onCancelled: () => undefined,
  });
}

function answer({ questions }: Heard): void {
  questions.shift()?.respond({ kind: 'result', text: '{}' });
}

/** A gate whose server, clients and clock do what chance says. */
function playedAt(seed: number) {
  const chance = seeded(seed);
  const bulkhead = { maxInFlight: chance.between(1, 4), maxQueued: chance.between(0, 4) };
  const gate = createConnectorGates({ random: () => chance.next() })(
    definitionFor('http://127.0.0.1:1/', {
      trusted: chance.next() < 0.5,
      bulkhead: { ...bulkhead, queueTimeoutMs: 500 },
      ...(chance.next() < 0.5 && { quotas: { concurrent: 2 } }),
    }),
  );
  const open = new Set<ForwardSink>();
  const calls = new Set<Heard>();
  const tally = { opened: 0, over: 0 };
  const line: CallLine = {
    send(_request, sink) {
      open.add(sink);
      return {
        cancel: () => void open.delete(sink),
        pause: () => undefined,
        resume: () => undefined,
      };
    },
    ended: () => void (tally.over += 1),
  };
  const begin = (): void => {
    tally.opened += 1;
    calls.add(callThrough(gate, line, READ_ONLY));
  };
  const cancel = (call: Heard): void => {
    calls.delete(call);
    call.handle.cancel(chance.pick(['the client went', DEADLINE_EXCEEDED]));
  };
  const ended = (sink: ForwardSink): void => {
    open.delete(sink);
    const errors = [refused(), failure('STREAM_CUT'), failure('TIMEOUT'), failure('UNAUTHORIZED')];
    if (chance.next() < 0.5) sink.result('{}', 'modern');
    else sink.fail(chance.pick(errors));
  };
  const steps: readonly (() => void)[] = [
    begin,
    begin,
    begin,
    () => [...open].slice(0, 1).forEach(ended),
    () => [...open].slice(-1).forEach(ended),
    () => [...open].slice(-1).forEach(ask),
    () => [...calls].slice(chance.between(0, 3)).slice(0, 1).forEach(answer),
    () => [...calls].slice(chance.between(0, 5)).slice(0, 1).forEach(cancel),
    () => chance.next() < 0.2 && gate.closing(line),
    () => gate.reached(),
    () => vi.advanceTimersByTime(chance.between(0, 700)),
    () => chance.next() < 0.2 && vi.advanceTimersByTime(40_000),
  ];
  return {
    gate,
    line,
    open,
    tally,
    step: () => chance.pick(steps)(),
    end: () => calls.forEach(cancel),
  };
}

test('200 random histories of calls leave no place taken, nothing at the server, and a gate that opens again (T3-T5)', () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= 200; seed += 1) {
    const played = playedAt(seed);
    for (let count = 0; count < 80; count += 1) {
      played.step();
      seen.add(played.gate.status.breaker);
      expect(played.gate.status.inFlight).toBeGreaterThanOrEqual(played.open.size);
    }
    played.end();
    vi.advanceTimersByTime(1_000);
    const { gate, open, tally } = played;
    expect({ seed, left: open.size, over: tally.over, ...gate.status }).toMatchObject({
      seed,
      left: 0,
      over: tally.opened,
      inFlight: 0,
      queued: 0,
    });
    vi.advanceTimersByTime(330_000);
    callThrough(gate, played.line);
    for (const sink of open) sink.result('{}', 'modern');
    expect({ seed, ...gate.status }).toMatchObject({ seed, breaker: 'closed', inFlight: 0 });
  }
  expect(seen).toEqual(new Set(['closed', 'open', 'half-open']));
});
