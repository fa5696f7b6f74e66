import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { waitUntil } from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LegacySession } from '../../src/gateway/session/legacy-session.ts';
import { SessionStreams } from '../../src/gateway/session/session-streams.ts';

let server: Server;
let url: string;
let serve: (response: ServerResponse) => void = (response) => response.end();

beforeAll(async () => {
  server = createServer((_request, response) => serve(response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const sessionOf = (protocolVersion: string): LegacySession =>
  new LegacySession({
    connectorId: undefined,
    client: { protocolVersion, capabilities: {}, infoText: undefined },
  });

/** A client that opened the session's stream, and reads it when told to. */
async function listen(streams: SessionStreams, session: LegacySession): Promise<Response> {
  serve = (response) => void streams.open(session, response, undefined);
  return await fetch(url);
}

const REVISIONS = ['2025-06-18', '2025-11-25'];

test.each(REVISIONS)(
  '%s: what no request asked for goes to the session’s stream',
  async (version) => {
    const streams = new SessionStreams();
    const session = sessionOf(version);
    const response = await listen(streams, session);
    expect([session.busy, session.channel?.connected]).toEqual([true, true]);
    session.channel?.send('{"a":1}');
    session.channel?.keepAlive();
    session.end('test');
    expect(await response.text()).toContain('event: message\ndata: {"a":1}\n\n');
    expect(session.channel).toBeUndefined();
    streams.close();
  },
);

test.each(REVISIONS)('%s: a client that reads nothing is cut off', async (version) => {
  const streams = new SessionStreams();
  const session = sessionOf(version);
  await listen(streams, session);
  const { channel } = session;
  const big = JSON.stringify('x'.repeat(1_000_000));
  for (let index = 0; index < 12; index += 1) channel?.send(big);
  await waitUntil(() => !session.busy, { describe: 'it is cut off' });
  expect(session.channel?.connected ?? false).toBe(false);
  session.end('test');
  streams.close();
});

test('messages wait for a client that can come back for them, and are lost to one that cannot', async () => {
  const streams = new SessionStreams();
  const [old, recent] = [sessionOf('2025-06-18'), sessionOf('2025-11-25')];
  for (const session of [old, recent]) {
    const response = await listen(streams, session);
    await response.body?.cancel();
    await waitUntil(() => !session.busy, { describe: 'it is gone' });
  }
  expect(old.channel).toBeUndefined();
  expect(recent.channel?.send('"kept"')).toBe(true);
  serve = (response) => {
    streams.open(recent, response, '1-0');
    recent.end('test');
  };
  expect(await (await fetch(url)).text()).toContain('"kept"');
  streams.close();
});

test('a stream that takes the place of a cut one begins with what nobody heard', async () => {
  const streams = new SessionStreams();
  const session = sessionOf('2025-11-25');
  const first = await listen(streams, session);
  session.channel?.send('{"n":1}');
  await first.body?.cancel();
  await waitUntil(() => !session.busy, { describe: 'it is gone' });
  session.channel?.send('{"n":2}');
  session.channel?.send('{"n":3}');
  const second = await listen(streams, session);
  session.channel?.send('{"n":4}');
  session.end('test');
  const heard = [...(await second.text()).matchAll(/"n":(\d)/g)].map(([, n]) => n);
  expect(heard).toEqual(['2', '3', '4']);
  streams.close();
});

test.each(REVISIONS)(
  '%s: a stream that waits keeps nothing of the headers it was asked for with',
  async (version) => {
    const streams = new SessionStreams();
    const session = sessionOf(version);
    let kept: unknown;
    serve = (response) => {
      expect(response.req.rawHeaders.length).toBeGreaterThan(0);
      streams.open(session, response, undefined);
      kept = [response.req.headers, response.req.rawHeaders];
    };
    await fetch(url);
    expect(kept).toEqual([{}, []]);
    session.end('test');
    streams.close();
  },
);

test('close() ends every stream and leaves no timer', async () => {
  const streams = new SessionStreams();
  const session = sessionOf('2025-11-25');
  const response = await listen(streams, session);
  streams.close();
  expect(await response.text()).toMatch(/^id: 1-0/);
});
