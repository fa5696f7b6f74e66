import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EventBudget } from '../../src/gateway/session/event-budget.ts';
import { EventLog } from '../../src/gateway/session/event-log.ts';
import { createHttpReply } from '../../src/gateway/reply/http-reply.ts';
import type { Reply } from '../../src/gateway/reply/reply.ts';
import { acceptedBy, createSessionReply } from '../../src/gateway/session/session-reply.ts';

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

interface Answer {
  readonly type: string | null;
  readonly text: string;
}

/** What a client gets from a reply that `use` has used. */
async function answerOf(
  use: (reply: Reply) => void,
  accept = 'application/json, text/event-stream',
): Promise<Answer> {
  const log = new EventLog(new EventBudget());
  serve = (response) => use(createSessionReply(response, acceptedBy({ accept }), () => log));
  const response = await fetch(url);
  return { type: response.headers.get('content-type'), text: await response.text() };
}

const SOON_MS = 1_000;
const LATE_MS = 2_500;
const MUCH_LATER_MS = 60_000;

test('a quick answer is JSON, one that takes long a stream that can be taken up again', async () => {
  const quick = await answerOf((reply) => {
    reply.tick?.(performance.now() + SOON_MS);
    reply.answer(200, '{}');
  });
  expect(quick).toEqual({ type: 'application/json', text: '{}' });
  const slow = await answerOf((reply) => {
    reply.tick?.(performance.now() + LATE_MS);
    reply.answer(200, '{}');
  });
  expect(slow).toEqual({
    type: 'text/event-stream',
    text: 'id: 1-0\nretry: 1000\ndata: \n\nid: 1-1\nevent: message\ndata: {}\n\n',
  });
});

test('a stream on which nothing happens is kept alive', async () => {
  const { text } = await answerOf((reply) => {
    reply.notify('"a"');
    reply.tick?.(performance.now() + SOON_MS);
    reply.tick?.(performance.now() + MUCH_LATER_MS);
    reply.keepAlive();
    reply.answer(200, '"b"');
  });
  expect(text.match(/: keep-alive\n\n/g)).toHaveLength(2);
});

test('a client that takes no stream gets none, whatever happens', async () => {
  const answer = await answerOf((reply) => {
    expect(reply.notify('"a"')).toBe('dropped');
    reply.tick?.(performance.now() + MUCH_LATER_MS);
    reply.suspend?.(1);
    reply.answerParts([Buffer.from('{"b"'), Buffer.from(':1}')]);
  }, 'application/json');
  expect(answer).toEqual({ type: 'application/json', text: '{"b":1}' });
});

test('a cancelled call ends its stream without an answer', async () => {
  const begun = await answerOf((reply) => {
    reply.notify('"a"');
    reply.drop();
  });
  expect(begun.text).toMatch(/data: "a"\n\n$/);
  const untouched = await answerOf((reply) => reply.drop());
  expect(untouched.text).toBe('');
});

test('parts of a list go out as one event of a stream that was asked for', async () => {
  const { text } = await answerOf(
    (reply) => reply.answerParts([Buffer.from('{"a":'), Buffer.from('"\u00fc"}')]),
    'text/event-stream',
  );
  expect(text).toContain('id: 1-1\nevent: message\ndata: {"a":"ü"}\n\n');
});

test('the stream of a plain reply is kept alive too, once it has begun', async () => {
  serve = (response) => {
    const reply = createHttpReply(response, true);
    reply.tick?.(performance.now() + MUCH_LATER_MS);
    reply.notify('"a"');
    reply.tick?.(performance.now() + SOON_MS);
    reply.tick?.(performance.now() + MUCH_LATER_MS);
    reply.answer(200, '"b"');
  };
  const text = await (await fetch(url)).text();
  expect(text).toBe('event: message\ndata: "a"\n\n: keep-alive\n\nevent: message\ndata: "b"\n\n');
});

const pieces = (reply: Reply): void => {
  reply.open();
  expect(reply.chunk(Buffer.from('{"a":\n'))).toBe(true);
  reply.chunk(Buffer.from('1}'));
  reply.end();
};

test('an answer too large to hold goes out in pieces, as JSON or as one frame of a stream', async () => {
  expect(await answerOf(pieces)).toEqual({ type: 'application/json', text: '{"a":\n1}' });
  serve = (response) => {
    const reply = createHttpReply(response, true);
    reply.notify('"note"');
    pieces(reply);
  };
  const streamed = await (await fetch(url)).text();
  expect(streamed).toBe('event: message\ndata: "note"\n\nevent: message\ndata: {"a": 1}\n\n');
});

test('an answer that is cut short looks cut short', async () => {
  const begun = answerOf((reply) => {
    reply.open();
    reply.chunk(Buffer.from('{"a":'));
    reply.abort();
  });
  await expect(begun).rejects.toThrow(/terminated|fetch failed/);
  const streamed = answerOf((reply) => {
    reply.notify('"note"');
    reply.abort();
  });
  await expect(streamed).rejects.toThrow(/terminated|fetch failed/);
});

test('whoever waits for the client to go is told once, at once when it has gone', async () => {
  const { promise: gone, resolve } = Promise.withResolvers<Reply>();
  const log = new EventLog(new EventBudget());
  serve = (response) => {
    const accepted = { stream: true, prefersStream: false, resumes: true };
    const reply = createSessionReply(response, accepted, () => log);
    reply.onGone(() => resolve(reply));
    reply.notify('"a"');
  };
  const controller = new AbortController();
  await fetch(url, { signal: controller.signal });
  controller.abort();
  const reply = await gone;
  let again = 0;
  reply.onGone(() => {
    again += 1;
  });
  expect(again).toBe(1);
  // The answer is kept for when the client comes back.
  reply.answer(200, '"late"');
  expect(log.find('1-0')).toBeDefined();
});

test('acceptedBy() believes a request that claims an older revision than its session (SEP-1699)', () => {
  for (const [version, resumes] of [
    ['2025-03-26', false],
    ['2025-06-18', false],
    ['2025-11-25', true],
  ] as const) {
    expect(acceptedBy({ 'mcp-protocol-version': version }).resumes).toBe(resumes);
  }
  expect(acceptedBy({}).resumes).toBe(true);
});

/** As `answerOf`, from a reply that cannot be taken up again. */
async function plainlyAnswered(use: (reply: Reply) => void): Promise<Answer> {
  serve = (response) => use(createHttpReply(response, true, { prefersStream: true }));
  const response = await fetch(url);
  return { type: response.headers.get('content-type'), text: await response.text() };
}

test('a client that names event streams first gets one, without ids when it cannot come back', async () => {
  const event = { type: 'text/event-stream', text: 'event: message\ndata: {}\n\n' };
  expect(await plainlyAnswered((reply) => reply.answer(200, '{}'))).toEqual(event);
  const parts = [Buffer.from('{'), Buffer.from('}')];
  expect(await plainlyAnswered((reply) => reply.answerParts(parts))).toEqual(event);
  const refused = await plainlyAnswered((reply) => reply.answer(404, '{}'));
  expect(refused).toEqual({ type: 'application/json', text: '{}' });
});
