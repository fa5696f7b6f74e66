import { waitUntil } from '@cortex-os/testkit';
import { afterAll, expect, test } from 'vitest';
import { createSharedAgents } from '../../src/upstream/streamable-http/agent.ts';
import { createSseWires } from '../../src/upstream/http-sse/legacy-sse-session.ts';
import { SseStream } from '../../src/upstream/http-sse/legacy-sse-stream.ts';
import type { UpstreamError } from '../../src/upstream/upstream-error.ts';
import { CLIENT } from './http-fixture.ts';
import { sseDefinition } from './legacy-sse-fixture.ts';
import { startRaw, type RawSse } from './legacy-sse-raw.ts';

const agents = createSharedAgents();
afterAll(async () => await agents.close());

interface Heard {
  readonly stream: SseStream;
  readonly endpoints: string[];
  readonly messages: string[];
  readonly ended: UpstreamError[];
}

function listen(raw: RawSse): Heard {
  const endpoints: string[] = [];
  const messages: string[] = [];
  const ended: UpstreamError[] = [];
  const { streamWire } = createSseWires(sseDefinition(raw.url), agents, CLIENT);
  const stream = new SseStream(streamWire, {
    endpoint: (path) => void endpoints.push(path),
    message: (text) => void messages.push(text),
    ended: (error) => void ended.push(error),
  });
  return { stream, endpoints, messages, ended };
}

const over = async (heard: Heard): Promise<void> =>
  await waitUntil(() => heard.ended.length > 0, { describe: 'the stream is over' });

test('the first endpoint counts; events of other names, without data, and unknown fields are nothing', async () => {
  await using raw = await startRaw();
  raw.onStream = (response) => {
    response.writeEarlyHints({ link: '</x>; rel=preload' });
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    response.write('event: endpoint\ndata: /one?x=1\n\nevent: endpoint\ndata: /two\n\n');
    response.write('strange\n\nevent: other\ndata: no\n\ndata:\n\n');
    response.end('data: plain\n\nevent: message\ndata: named\n\n');
  };
  const heard = listen(raw);
  heard.stream.start();
  await over(heard);
  expect(heard.endpoints).toEqual(['/one?x=1']);
  expect(heard.messages).toEqual(['plain', 'named']);
  expect(heard.ended).toMatchObject([{ code: 'STREAM_CUT', phase: 'connect' }]);
});

test.each([
  ['is too long to be an address', `/${'x'.repeat(9_000)}`, 'no URL'],
  ['is no URL', 'http://[', 'no URL'],
])('an endpoint that %s is refused', async (_name, endpoint, why) => {
  await using raw = await startRaw();
  raw.onStream = (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`event: endpoint\ndata: ${endpoint}\n\ndata: more\n\n`);
  };
  const heard = listen(raw);
  heard.stream.start();
  await over(heard);
  expect(heard.ended).toMatchObject([
    { code: 'BAD_RESPONSE', message: expect.stringContaining(why) },
  ]);
  expect([heard.endpoints, heard.messages]).toEqual([[], []]);
});

test('a refusal without end is read no further than an error object may be long', async () => {
  await using raw = await startRaw();
  raw.onStream = (response) => {
    response.writeHead(403, { 'content-type': 'text/plain' });
    response.write('x'.repeat(200_000));
  };
  const heard = listen(raw);
  heard.stream.start();
  await over(heard);
  expect(heard.ended).toMatchObject([{ httpStatus: 403 }]);
});

test('a response without a content type is no event stream', async () => {
  await using raw = await startRaw();
  raw.onStream = (response) => void response.writeHead(200).end('data: x\n\n');
  const heard = listen(raw);
  heard.stream.start();
  await over(heard);
  expect(heard.ended).toMatchObject([
    { code: 'BAD_RESPONSE', message: 'the server answered with no event stream' },
  ]);
  expect(heard.messages).toEqual([]);
});

test('close() is the end: before the request, before the headers, and in the middle of events', async () => {
  await using raw = await startRaw();
  let asked = 0;
  raw.onStream = (response) => {
    asked += 1;
    if (asked === 2) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('event: endpoint\ndata: /in\n\n');
    }
  };
  const unsent = listen(raw);
  unsent.stream.close();
  unsent.stream.start();
  const unanswered = listen(raw);
  unanswered.stream.start();
  await waitUntil(() => asked === 1, { describe: 'it is asked for' });
  unanswered.stream.close();
  const open = listen(raw);
  open.stream.start();
  await waitUntil(() => open.endpoints.length === 1, { describe: 'it is open' });
  open.stream.close();
  raw.say({ jsonrpc: '2.0', method: 'late' });
  const last = listen(raw);
  last.stream.start();
  await waitUntil(() => asked === 3, { describe: 'another one is asked for' });
  last.stream.close();
  expect([unsent, unanswered, open, last].flatMap(({ ended }) => ended)).toEqual([]);
  expect(open.messages).toEqual([]);
});

test('a stream that says nothing and pours is left (S13)', async () => {
  await using raw = await startRaw();
  raw.onStream = (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.on('error', () => undefined); // it is left
    response.end('data:\n'.repeat(1_000_000));
  };
  const heard = listen(raw);
  heard.stream.start();
  await over(heard);
  expect(heard.ended).toMatchObject([{ code: 'TOO_LARGE' }]);
});
