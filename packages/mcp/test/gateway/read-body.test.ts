import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { collectBody, readBody, type BodyError } from '../../src/gateway/reply/read-body.ts';
import { WholeRequest } from '../../src/gateway/reply/whole-request.ts';

const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one[Symbol.asyncDispose]();
});

/** What became of each request, in order. */
type Taken = string | BodyError;

interface Served {
  readonly port: number;
  readonly taken: Taken[];
  readonly requests: IncomingMessage[];
}

/** A server that reads bodies; `later`: a turn after the request came. */
async function serve(whole: boolean, later = false, maxBytes = 1_000): Promise<Served> {
  const [taken, requests]: [Taken[], IncomingMessage[]] = [[], []];
  const options = whole ? { IncomingMessage: WholeRequest } : {};
  const server = createServer(options, (request, response) => {
    requests.push(request);
    const answer = (one: Taken): void => {
      taken.push(one);
      response.end(typeof one === 'string' ? `got ${one.length}` : one.message);
    };
    const read = (): void =>
      collectBody(
        request,
        { taken: (body) => answer(body.toString('utf8')), failed: answer },
        maxBytes,
      );
    if (later) setImmediate(read);
    else read();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.push(server);
  return { port: (server.address() as AddressInfo).port, taken, requests };
}

async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  opened.push({ [Symbol.asyncDispose]: async () => void socket.destroy() });
  await once(socket, 'connect');
  return socket;
}

const HEAD = 'POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n';
const post = (body: string): string =>
  `${HEAD}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

/** Resolves when as many answers are there. */
async function answers(socket: Socket, count: number): Promise<string[]> {
  let text = '';
  for await (const chunk of socket) {
    text += String(chunk);
    const found = text.match(/got \d+|the body[^\r\n]*?(?=HTTP|$)/g) ?? [];
    if (found.length >= count) return found;
  }
  throw new Error(`the connection ended after ${JSON.stringify(text)}`);
}

test.for([
  [true, false],
  [true, true],
  [false, false],
] as const)('a body is read, whole (%s), later than it came (%s)', async ([whole, later]) => {
  const { port, taken, requests } = await serve(whole, later);
  const socket = await open(port);
  const long = JSON.stringify('é'.repeat(300));
  socket.write(post('{"a":1}') + post(''));
  socket.write(post(long));
  expect(await answers(socket, 3)).toEqual(['got 7', 'got 0', 'got 302']);
  expect(taken).toEqual(['{"a":1}', '', long]);
  expect(requests.every(({ complete, destroyed }) => complete && (whole || destroyed))).toBe(true);
});

test('a body that comes byte by byte, and in chunks, is the same', async () => {
  const { port, taken } = await serve(true);
  const socket = await open(port);
  socket.setNoDelay(true);
  for (const byte of Buffer.from(post('{"é":"€"}'))) {
    socket.write(Buffer.of(byte));
    await new Promise(setImmediate);
  }
  await expect.poll(() => taken).toEqual(['{"é":"€"}']);
  socket.write(
    `${HEAD}transfer-encoding: chunked\r\n\r\n3\r\n[1,\r\n2\r\n2]\r\n0\r\nx-end: 1\r\n\r\n`,
  );
  await expect.poll(() => taken).toEqual(['{"é":"€"}', '[1,2]']);
});

test('the connection goes on after a body that is too large, or no UTF-8', async () => {
  const { port, taken } = await serve(true);
  const socket = await open(port);
  const chunked = `${HEAD}transfer-encoding: chunked\r\n\r\n`;
  socket.write(`${chunked}${`200\r\n${'x'.repeat(512)}\r\n`.repeat(4)}0\r\n\r\n`);
  await expect.poll(() => taken.length).toBe(1);
  socket.write(`${HEAD}content-length: 1\r\n\r\n`);
  socket.write(Buffer.of(0xff));
  await expect.poll(() => taken.length).toBe(2);
  socket.write(post('\uFEFF{}'));
  await expect.poll(() => taken.length).toBe(3);
  expect(taken).toEqual([
    expect.objectContaining({ status: 413 }) as unknown,
    expect.objectContaining({ status: 400 }) as unknown,
    '{}',
  ]);
});

test('a client that hangs up within its body is never answered, and its request ends', async () => {
  const { port, taken, requests } = await serve(true);
  const socket = await open(port);
  socket.write(`${HEAD}content-length: 10\r\n\r\n{"a"`);
  await expect.poll(() => requests.length).toBe(1);
  socket.destroy();
  await expect.poll(() => requests[0]?.destroyed).toBe(true);
  expect(taken).toEqual([]);
});

test('readBody() rejects for a client that hangs up', async () => {
  const read: Promise<unknown>[] = [];
  const server = createServer({ IncomingMessage: WholeRequest }, (request) => {
    read.push(readBody(request).catch((error: unknown) => error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.push(server);
  const socket = await open((server.address() as AddressInfo).port);
  socket.write(`${HEAD}content-length: 10\r\n\r\n{`);
  await expect.poll(() => read.length).toBe(1);
  socket.destroy();
  expect(await read[0]).toMatchObject({
    status: 400,
    message: expect.stringContaining('closed') as unknown,
  });
});

test('a request that nobody gives away is a stream as any', async () => {
  const server = createServer({ IncomingMessage: WholeRequest }, (request, response) => {
    request.pipe(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.push(server);
  const { port } = server.address() as AddressInfo;
  const sent = httpRequest({ port, host: '127.0.0.1', method: 'POST' });
  sent.end('x'.repeat(100_000));
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  let length = 0;
  for await (const chunk of response) length += (chunk as Buffer).length;
  expect(length).toBe(100_000);
});

test("Node's parser lets go of a request when it is answered", async () => {
  const { port, requests } = await serve(true);
  const socket = await open(port);
  socket.write(post('{}'));
  await answers(socket, 1);
  const [request] = requests;
  const parser: unknown = request && Reflect.get(request.socket, 'parser');
  expect(parser).toBeInstanceOf(Object);
  await expect.poll(() => Reflect.get(parser as object, 'incoming') as unknown).toBeNull();
});
