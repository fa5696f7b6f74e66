import { expect, test, vi } from 'vitest';
import {
  createCircuitBreaker,
  DEFAULT_BREAKER_POLICY,
  REFUSED,
  type CircuitBreaker,
} from '../../src/guards/circuit-breaker.ts';
import { advance, useFakeTime } from '../connectors/fake-time.ts';

useFakeTime();

function rig(random: () => number = () => 0) {
  const log: string[] = [];
  const breaker = createCircuitBreaker({
    policy: DEFAULT_BREAKER_POLICY,
    random,
    opened: (openMs, lists) => log.push(`${Math.round(openMs)} ${lists}`),
    closed: () => log.push('closed'),
  });
  return { breaker, log };
}

/** Calls one after the other: `f` fails, `u` loses its connection, `s` succeeds, `-` says nothing. */
function call(breaker: CircuitBreaker, outcomes: string): void {
  for (const outcome of outcomes) {
    const ticket = breaker.admit();
    if (outcome === 's') breaker.succeeded(ticket);
    else if (outcome === '-') breaker.released(ticket);
    else if (outcome === 'u') breaker.lost(ticket, breaker.breaks);
    else breaker.failed(ticket);
  }
}

test('it opens after five failures in a row and refuses at once, saying for how long (T4)', async () => {
  const { breaker, log } = rig();
  call(breaker, 'ffff');
  expect([breaker.state, breaker.allows, breaker.retryAfterMs]).toEqual(['closed', true, 0]);
  call(breaker, 'f');
  expect([breaker.state, breaker.allows, breaker.admit()]).toEqual(['open', false, REFUSED]);
  expect(breaker.retryAfterMs).toBe(30_000);
  await advance(29_999);
  expect(breaker.admit()).toBe(REFUSED);
  expect(log).toEqual(['30000 false']);
});

test('a success between failures, and calls that say nothing, do not open it', () => {
  const { breaker } = rig();
  call(breaker, 'ffffsffff----ffffs');
  // Fifth in a row, with ends that say nothing between.
  expect(breaker.state).toBe('open');
  const other = rig().breaker;
  call(other, 'ffffsff--ffs');
  expect(other.state).toBe('closed');
});

test('it opens when half of twenty calls in ten seconds failed, not of nineteen (T4)', () => {
  const { breaker } = rig();
  call(breaker, 'sf'.repeat(9));
  call(breaker, 's');
  expect(breaker.state).toBe('closed');
  call(breaker, 'f');
  expect(breaker.state).toBe('open');
});

test('less than half does not open it, however many', () => {
  const { breaker } = rig();
  call(breaker, 'ssfsf'.repeat(40));
  expect(breaker.state).toBe('closed');
});

test('what happened before a pause does not count', async () => {
  const { breaker } = rig();
  call(breaker, 'sf'.repeat(9));
  await advance(10_001);
  call(breaker, 'sf');
  expect(breaker.state).toBe('closed');
  const slow = rig().breaker;
  for (let second = 0; second < 120; second += 1) {
    call(slow, second % 2 === 0 ? 'f' : 's');
    await advance(1_000);
  }
  expect(slow.state).toBe('closed');
});

test('after its time one call decides, the others are refused; its success closes it', async () => {
  const { breaker, log } = rig();
  call(breaker, 'fffff');
  await advance(30_000);
  expect([breaker.state, breaker.allows]).toEqual(['half-open', true]);
  const probe = breaker.admit();
  expect(probe).not.toBe(REFUSED);
  expect([breaker.admit(), breaker.allows, breaker.retryAfterMs]).toEqual([REFUSED, false, 1_000]);
  expect(breaker.mayRepeat(probe)).toBe(false);
  breaker.succeeded(probe);
  breaker.succeeded(probe);
  expect([breaker.state, log]).toEqual(['closed', ['30000 false', 'closed']]);
  // It starts anew: four failures are not five.
  call(breaker, 'ffff');
  expect(breaker.state).toBe('closed');
});

test('a probe that says nothing leaves the question to the next call', async () => {
  const { breaker } = rig();
  call(breaker, 'fffff');
  await advance(30_000);
  breaker.released(breaker.admit());
  expect(breaker.state).toBe('half-open');
  const probe = breaker.admit();
  expect(probe).not.toBe(REFUSED);
});

test('each failed probe keeps it open for longer, up to five minutes, with jitter (T4)', async () => {
  const { breaker, log } = rig(() => 0.5);
  call(breaker, 'fffff');
  for (let times = 2; times <= 12; times += 1) {
    await advance(breaker.retryAfterMs);
    call(breaker, 'f');
  }
  expect(log.map((line) => Number.parseInt(line, 10) / 1.05)).toEqual([
    30_000, 60_000, 90_000, 120_000, 150_000, 180_000, 210_000, 240_000, 270_000, 300_000, 300_000,
    300_000,
  ]);
});

test('one that fails again soon after it was closed stays open for longer; one that was well for as long does not', async () => {
  const { breaker, log } = rig();
  call(breaker, 'fffff');
  await advance(30_000);
  call(breaker, 's');
  await advance(20_000);
  call(breaker, 'fffff');
  await advance(60_000);
  call(breaker, 's');
  await advance(60_001);
  call(breaker, 'fffff');
  expect(log.filter((line) => line !== 'closed')).toEqual([
    '30000 false',
    '60000 false',
    '30000 false',
  ]);
});

test('calls that began before it opened or closed say nothing any more', async () => {
  const { breaker } = rig();
  const old = Array.from({ length: 10 }, () => breaker.admit());
  call(breaker, 'fffff');
  const openFor = breaker.retryAfterMs;
  for (const ticket of old.slice(0, 5)) breaker.failed(ticket);
  breaker.succeeded(old[5] ?? 0);
  expect([breaker.state, breaker.retryAfterMs]).toEqual(['open', openFor]);
  await advance(30_000);
  call(breaker, 's');
  for (const ticket of old) breaker.failed(ticket);
  expect(breaker.state).toBe('closed');
});

test('lists that are answered close one that opened for want of a connection, and no other', async () => {
  const { breaker, log } = rig();
  call(breaker, 'sfsuuuuu');
  expect(log).toEqual(['30000 true']);
  breaker.reached();
  expect(breaker.state).toBe('closed');
  call(breaker, 'suuuuf');
  breaker.reached();
  expect(breaker.state, 'a server whose lists answer and whose calls hang').toBe('open');
  await advance(breaker.retryAfterMs);
  call(breaker, 'u');
  breaker.reached();
  expect(breaker.state).toBe('open');
});

test('lists close it once: a server that breaks off at calls only is left in peace', async () => {
  const { breaker, log } = rig();
  call(breaker, 'uuuuu');
  breaker.reached();
  call(breaker, 'uuuuu');
  breaker.reached();
  expect([breaker.state, log]).toEqual(['open', ['30000 true', 'closed', '60000 false']]);
  await advance(60_000);
  call(breaker, 's');
  call(breaker, 'uuuuu');
  breaker.reached();
  expect(breaker.state, 'a call has succeeded meanwhile').toBe('closed');
});

test('calls that were under way when a connection broke are one failure, those sent afterwards are more', () => {
  const { breaker } = rig();
  const underWay = Array.from({ length: 24 }, () => [breaker.admit(), breaker.breaks] as const);
  for (const [ticket, breaks] of underWay) breaker.lost(ticket, breaks);
  expect(breaker.state).toBe('closed');
  call(breaker, 'uuu');
  expect(breaker.state).toBe('closed');
  call(breaker, 'u');
  expect(breaker.state).toBe('open');
});

test('a step of the wall clock opens and closes nothing', async () => {
  const { breaker } = rig();
  call(breaker, 'fffff');
  vi.setSystemTime(Date.now() + 3_600_000);
  expect(breaker.admit()).toBe(REFUSED);
  vi.setSystemTime(Date.now() - 7_200_000);
  await advance(30_000);
  expect(breaker.admit()).not.toBe(REFUSED);
});
