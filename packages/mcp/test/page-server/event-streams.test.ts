import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { EventStreams, type EventStreamLimits } from '../../src/page/event-streams.ts';
import { openEvents } from './page-gateway.ts';

interface Served extends AsyncDisposable {
  readonly origin: string;
  readonly port: number;
  readonly streams: EventStreams;
  readonly errors: unknown[];
  readonly watched: boolean[];
}

interface Told {
  readonly text: () => Promise<string>;
  readonly beat?: () => string;
  readonly isOutdated?: () => boolean;
}

/** A real server with the streams of one page. */
async function serve(
  { text, beat = () => '{}', isOutdated = () => false }: Told,
  limits: Partial<EventStreamLimits>,
): Promise<Served> {
  const errors: unknown[] = [];
  const watched: boolean[] = [];
  const overview = {
    text,
    beat: async () => await Promise.resolve(beat()),
    get outdated() {
      return isOutdated();
    },
  };
  const streams = new EventStreams({
    overview,
    limits,
    onError: (error) => errors.push(error),
    watched: (isWatched) => watched.push(isWatched),
  });
  const server = createServer((_request: IncomingMessage, response) => streams.open(response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    port,
    streams,
    errors,
    watched,
    [Symbol.asyncDispose]: async () => {
      streams.close();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

test('open() gives no place to a page that went while it was on its way in', async () => {
  await using served = await serve({ text: async () => await Promise.resolve('{}') }, {});
  const late = createServer((_request, response) => {
    response.once('close', () => {
      served.streams.open(response);
      late.close();
    });
  });
  late.listen(0, '127.0.0.1');
  await once(late, 'listening');
  const socket = connect((late.address() as AddressInfo).port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(late, 'request');
  socket.destroy();
  await once(late, 'close');
  expect([served.streams.size, served.watched]).toEqual([0, []]);
});

test('EventStreams cuts a page that reads nothing once too much has been unread for too long', async () => {
  let beats = 0;
  const beat = (): string => {
    beats += 1;
    return JSON.stringify('x'.repeat(1_000_000));
  };
  await using served = await serve(
    { text: async () => await Promise.resolve('{}'), beat },
    { beatMs: 5, maxUnreadBytes: 100_000, maxUnreadMs: 200 },
  );
  const socket = connect(served.port, '127.0.0.1');
  socket.pause();
  socket.on('error', () => undefined);
  socket.write('GET /page/api/events HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await waitUntil(() => served.streams.size === 1, { describe: 'the stream is open' });
  await waitUntil(() => served.streams.size === 0, { describe: 'it was cut', timeoutMs: 10_000 });
  expect(beats).toBeGreaterThan(3);
  expect(served.watched).toEqual([true, false]);
  socket.destroy();
});

test('EventStreams leaves out what a slow page would not read, and sends it the document when it has caught up', async () => {
  let [documents, beats] = [0, 0];
  const text = 'x'.repeat(500_000);
  await using served = await serve(
    {
      text: async () => await Promise.resolve(String((documents += 1))),
      beat: () => JSON.stringify([(beats += 1), text]),
    },
    { beatMs: 5, maxUnreadBytes: 100_000, maxUnreadMs: 60_000, leastGapMs: 1 },
  );
  const page = await openEvents(served.origin);
  await page.next('overview');
  page.response.pause();
  // More than all buffers on the way hold.
  await waitUntil(() => beats > 60, { describe: 'beats' });
  expect([served.streams.size, documents]).toEqual([1, 1]);
  page.response.resume();
  expect((await page.next('overview')).data).toBe(2);
  // Some of what came before it was left out.
  expect(page.events.length).toBeLessThan(beats);
  page.close();
});

test('EventStreams makes documents no more often than the least gap, and all pages share them', async () => {
  const madeAtMs: number[] = [];
  await using served = await serve(
    {
      text: async () => {
        madeAtMs.push(performance.now());
        return await Promise.resolve('{}');
      },
    },
    { leastGapMs: 100 },
  );
  const [one, two] = await Promise.all([openEvents(served.origin), openEvents(served.origin)]);
  await Promise.all([one.next('overview'), two.next('overview')]);
  madeAtMs.length = 0;
  const changing = setInterval(() => served.streams.changed(), 2);
  await waitUntil(() => madeAtMs.length >= 4, { describe: 'documents' });
  clearInterval(changing);
  const gaps = madeAtMs.slice(1).map((at, index) => at - (madeAtMs[index] ?? 0));
  expect(Math.min(...gaps)).toBeGreaterThan(90);
  expect(one.events.length).toBeGreaterThanOrEqual(4);
  expect(Math.abs(one.events.length - two.events.length)).toBeLessThanOrEqual(1);
  one.close();
  two.close();
});

test('EventStreams makes another document for a change that came while one was made', async () => {
  let value = 'old';
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  let made = 0;
  await using served = await serve(
    {
      text: async () => {
        const seen = value;
        made += 1;
        if (made === 1) await held;
        return JSON.stringify(seen);
      },
    },
    { leastGapMs: 1 },
  );
  const page = await openEvents(served.origin);
  value = 'new';
  served.streams.changed();
  // Timers run in their order: the one of the change comes while the first document is still being made.
  await new Promise((resolve) => setTimeout(resolve, 20));
  release();
  expect((await page.next('overview')).data).toBe('old');
  expect((await page.next('overview')).data).toBe('new');
  page.close();
});

test('EventStreams tells of a document or beat that cannot be made, and goes on', async () => {
  let tries = 0;
  await using served = await serve(
    {
      text: async () => {
        tries += 1;
        if (tries === 1) throw new Error('no document');
        return await Promise.resolve('{"is":"here"}');
      },
      beat: () => {
        if (tries < 3) throw new Error('no beat');
        return '{}';
      },
      isOutdated: () => tries < 3,
    },
    { beatMs: 5, leastGapMs: 1 },
  );
  const page = await openEvents(served.origin);
  await waitUntil(() => served.errors.length >= 2, { describe: 'errors' });
  served.streams.changed();
  expect((await page.next('overview')).data).toEqual({ is: 'here' });
  served.streams.changed();
  await page.next('beat');
  page.close();
});

test('EventStreams has a beat that sees more send the document', async () => {
  let made = 0;
  await using served = await serve(
    { text: async () => await Promise.resolve(String((made += 1))), isOutdated: () => made < 2 },
    { beatMs: 5, leastGapMs: 1 },
  );
  const page = await openEvents(served.origin);
  expect((await page.next('overview')).data).toBe(1);
  expect((await page.next('overview')).data).toBe(2);
  page.close();
});

test('EventStreams opens nothing any more once it was closed', async () => {
  await using served = await serve({ text: async () => await Promise.resolve('{}') }, {});
  const page = await openEvents(served.origin);
  await page.next('overview');
  served.streams.close();
  served.streams.close();
  await page.next('closing');
  expect((await openEvents(served.origin)).response.statusCode).toBe(503);
});
