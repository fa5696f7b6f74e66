import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { leastMs, waitUntil } from '@cortex-os/testkit';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import {
  DEFAULT_EVENT_LOG_LIMITS,
  EventBudget,
  type EventLogLimits,
} from '../../src/gateway/session/event-budget.ts';
import { EventLog } from '../../src/gateway/session/event-log.ts';

let server: Server;
let url: string;
/** What the next request is answered with. */
let serve: (response: ServerResponse) => void;

beforeAll(async () => {
  server = createServer((_request, response) => {
    response.writeHead(200);
    serve(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

beforeEach(() => {
  serve = (response) => response.end();
});

const newLog = (limits: Partial<EventLogLimits> = {}): EventLog =>
  new EventLog(new EventBudget({ ...DEFAULT_EVENT_LOG_LIMITS, ...limits }));

/** What a client reads until its stream ends. */
async function read(attach: (response: ServerResponse) => void): Promise<string> {
  serve = attach;
  return await (await fetch(url)).text();
}

/** The events that `find` and `resume` still give after that id. */
async function after(log: EventLog, id: string): Promise<string[]> {
  const found = log.find(id);
  if (found === undefined) return ['unknown'];
  const text = await read((response) => {
    found.stream.resume(response, found.after);
    if (!response.writableEnded) response.end();
  });
  return [...text.matchAll(/data: (.+)/g)].map(([, data = '']) => data);
}

test('a stream that is taken up begins with the id it goes on from, so that it can be taken up again', async () => {
  const log = newLog();
  const stream = log.create();
  await read((response) => {
    stream.open(response);
    stream.send('{"a":1}');
    response.end();
  });
  const text = await read((response) => {
    stream.resume(response, 1);
    response.end();
  });
  expect(text).toBe('id: 1-1\ndata: \n\n');
});

test('a stream begins with an event without data, and every message has an id of its own (SEP-1699)', async () => {
  const stream = newLog().create();
  const text = await read((response) => {
    stream.open(response);
    stream.send('{"a":\n1}');
    stream.end('{"b":2}');
  });
  expect(text).toBe(
    'id: 1-0\nretry: 1000\ndata: \n\n' +
      'id: 1-1\nevent: message\ndata: {"a": 1}\n\n' +
      'id: 1-2\nevent: message\ndata: {"b":2}\n\n',
  );
});

test('what was sent while the client was away follows its Last-Event-ID, and only that of its stream', async () => {
  const log = newLog();
  const stream = log.create();
  const other = log.create();
  for (const text of ['"one"', '"two"', '"three"']) stream.send(text);
  other.send('"of another"');
  stream.end('"last"');
  expect(await after(log, '1-1')).toEqual(['"two"', '"three"', '"last"']);
  expect(await after(log, '1-4')).toEqual([]);
  expect(await after(log, '2-0')).toEqual(['"of another"']);
  expect(await after(log, '3-0')).toEqual(['unknown']);
  expect(await after(log, 'nonsense')).toEqual(['unknown']);
});

test('a stream that is taken up again goes on live, and its old reader is let go', async () => {
  const log = newLog();
  const stream = log.create();
  const first = read((response) => stream.open(response));
  await waitUntil(() => stream.connected, { describe: 'the first reader' });
  stream.send('"one"');
  const second = read((response) => stream.resume(response, 0));
  expect(await first).toContain('"one"');
  stream.end('"two"');
  expect(await second).toMatch(/"one"[^]*"two"/);
});

test('a suspended client is told when to come back, and gets the rest then', async () => {
  const log = newLog();
  const stream = log.create();
  const text = await read((response) => {
    stream.open(response);
    stream.suspend(25);
  });
  expect(text).toBe('id: 1-0\nretry: 1000\ndata: \n\nretry: 25\n\n');
  stream.end('"done"');
  expect(await after(log, '1-0')).toEqual(['"done"']);
});

test('the oldest events of a session give way, and so do those of all sessions', async () => {
  const budget = new EventBudget({ ...DEFAULT_EVENT_LOG_LIMITS, maxSessionSize: 20, maxSize: 30 });
  const one = new EventLog(budget);
  const two = new EventLog(budget);
  const first = one.create();
  for (const text of ['"aaaaaaaa"', '"bbbbbbbb"', '"cccccccc"']) first.send(text);
  expect(await after(one, '1-0')).toEqual(['"bbbbbbbb"', '"cccccccc"']);
  const second = two.create();
  second.send('"dddddddd"');
  second.send('"eeeeeeee"');
  expect(await after(one, '1-0')).toEqual(['"cccccccc"']);
  expect(budget.size).toBe(30);
  one.close();
  two.close();
  expect(budget.size).toBe(0);
});

test('an event costs the same whether few or many are held before the oldest gives way', async () => {
  const many = 60_000;
  const rounds = 100_000;
  const text = '"0123456789"';
  const usPerEvent = (events: number): number => {
    const maxSize = events * text.length;
    const stream = newLog({ maxSessionSize: maxSize, maxSize }).create();
    for (let event = 0; event < events; event += 1) stream.send(text);
    const startedAt = performance.now();
    for (let event = 0; event < rounds; event += 1) stream.send(text);
    return (1_000 * (performance.now() - startedAt)) / rounds;
  };
  usPerEvent(10);
  const few = usPerEvent(10);
  const least = await leastMs(async () => usPerEvent(many), { belowMs: 8 * few });
  expect(least).toBeLessThan(8 * few);
});

test('an answer larger than a session may keep is kept alone', async () => {
  const log = newLog({ maxSessionSize: 20 });
  const stream = log.create();
  stream.send('"small"');
  const large = JSON.stringify('x'.repeat(1_000));
  stream.end(large);
  expect(await after(log, '1-0')).toEqual([large]);
});

test('events are forgotten after their time, and a stream that is over with them', () => {
  vi.useFakeTimers();
  try {
    const log = newLog({ ttlMs: 60_000 });
    const stream = log.create();
    stream.send('"early"');
    vi.advanceTimersByTime(40_000);
    stream.end('"late"');
    vi.advanceTimersByTime(30_000);
    log.sweep();
    expect(log.find('1-0')).toBeDefined();
    vi.advanceTimersByTime(40_000);
    log.sweep();
    expect(log.find('1-0')).toBeUndefined();
  } finally {
    vi.useRealTimers();
  }
});

test('whoever waits hears that a slow client reads again', async () => {
  const stream = newLog({ maxSessionSize: 16_777_216 }).create();
  let drained = 0;
  stream.onDrain({
    drained() {
      drained += 1;
    },
  });
  serve = (response) => stream.open(response);
  const reading = await fetch(url);
  const big = JSON.stringify('x'.repeat(500_000));
  const outcomes = Array.from({ length: 3 }, () => stream.send(big));
  expect(outcomes).toContain('slow');
  expect(drained).toBe(0);
  const text = reading.text();
  await waitUntil(() => drained > 0, { timeoutMs: 2_000, describe: 'it reads again' });
  expect(stream.send('"next"')).toBe('sent');
  stream.end();
  expect(await text).toContain('"next"');
});

test('a client that reads nothing loses notifications, not the answer, and holds up nobody once it is gone', async () => {
  const log = newLog({ maxSessionSize: 16_777_216 });
  const stream = log.create();
  let drained = 0;
  stream.onDrain({
    drained() {
      drained += 1;
    },
  });
  const controller = new AbortController();
  serve = (response) => stream.open(response);
  const { body } = await fetch(url, { signal: controller.signal });
  const big = JSON.stringify('x'.repeat(1_000_000));
  const outcomes = Array.from({ length: 12 }, () => stream.send(big));
  expect(outcomes).toContain('slow');
  expect(outcomes.at(-1)).toBe('dropped');
  controller.abort();
  await waitUntil(() => !stream.connected, { describe: 'it is gone' });
  expect(drained).toBeGreaterThan(0);
  stream.end('"answer"');
  expect((await after(log, '1-0')).at(-1)).toBe('"answer"');
  await body?.cancel().catch(() => undefined);
});
