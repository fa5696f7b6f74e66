import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { askMeanwhile } from '../../bench/lib/ask-meanwhile.ts';
import { openFaultClient } from '../../bench/lib/fault-client.ts';
import { requestTemplate } from '../../bench/lib/message-bytes.ts';

const LIST = requestTemplate({ era: 'legacy', method: 'tools/list', params: '' });
const WAIT_MS = 5_000;

interface Place extends AsyncDisposable {
  readonly url: string;
}

async function serve(
  handle: (request: IncomingMessage, response: ServerResponse, body: string) => void,
): Promise<Place> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => handle(request, response, body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const idOf = (body: string): number => (JSON.parse(body) as { readonly id: number }).id;

test('openFaultClient() opens a session and sends it with every request', async () => {
  await using place = await serve((request, response, body) => {
    if (body.includes('initialize')) response.setHeader('mcp-session-id', 'one');
    const session = String(request.headers['mcp-session-id']);
    const result = body.includes('initialize') ? {} : { tools: [{ name: `${session}__a` }] };
    response.end(JSON.stringify({ jsonrpc: '2.0', id: idOf(body), result }));
  });
  const client = await openFaultClient({ url: place.url, way: 'session' }, WAIT_MS);
  expect(await client.ask(LIST, WAIT_MS)).toMatchObject({ kind: 'answered', servers: 1 });
  client.close();
});

test('openFaultClient() rejects where no session or stream is opened', async () => {
  await using place = await serve((request, response) => {
    response.writeHead(request.method === 'GET' ? 503 : 200).end('{}');
  });
  await expect(openFaultClient({ url: place.url, way: 'session' }, WAIT_MS)).rejects.toThrow(
    'no session was opened: {}',
  );
  await expect(openFaultClient({ url: place.url, way: 'sse' }, WAIT_MS)).rejects.toThrow('503');
  await using hung = await serve(() => undefined);
  await expect(openFaultClient({ url: hung.url, way: 'sse' }, 50)).rejects.toThrow(
    'no stream was opened',
  );
});

test('ask() is silent where nothing comes, and an error where the connection breaks or is refused', async () => {
  await using place = await serve((_request, response, body) => {
    if (body.includes('tools/call')) response.destroy();
  });
  const client = await openFaultClient({ url: place.url, way: 'plain' }, WAIT_MS);
  expect(await client.ask(LIST, 60)).toMatchObject({ kind: 'silent' });
  const call = requestTemplate({ era: 'legacy', method: 'tools/call', params: '' });
  expect(await client.ask(call, WAIT_MS)).toMatchObject({ kind: 'error' });
  client.close();
  const gone = await serve(() => undefined);
  await gone[Symbol.asyncDispose]();
  const other = await openFaultClient({ url: gone.url, way: 'plain' }, WAIT_MS);
  const refused = await other.ask(LIST, WAIT_MS);
  expect(refused).toMatchObject({ kind: 'error', what: expect.stringContaining('ECONNREFUSED') });
  other.close();
});

test('ask() over HTTP+SSE finds its answer on the stream, in whatever order they come', async () => {
  let stream: ServerResponse | undefined;
  const late: string[] = [];
  await using place = await serve((request, response, body) => {
    if (request.method === 'GET') {
      stream = response;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('event: endpoint\r\ndata: /messages?id=1\r\n\r\n');
      return;
    }
    expect(request.url).toBe('/messages?id=1');
    if (body.includes('prompts/list')) {
      response.writeHead(404).end('no such session');
      return;
    }
    response.writeHead(202).end();
    const tools = [{ name: `s${idOf(body)}__a` }];
    const answer = JSON.stringify({ result: { tools }, jsonrpc: '2.0', id: idOf(body) });
    late.unshift(`event: message\ndata: ${answer}\n\n`);
    // The first is answered at once, the two after it together and the later one first.
    if (body.includes('initialize') || late.length === 2) stream?.write(late.splice(0).join(''));
  });
  const client = await openFaultClient({ url: place.url, way: 'sse' }, WAIT_MS);
  const both = await Promise.all([client.ask(LIST, WAIT_MS), client.ask(LIST, WAIT_MS)]);
  expect(both.map(({ kind }) => kind)).toEqual(['answered', 'answered']);
  const prompts = requestTemplate({ era: 'legacy', method: 'prompts/list', params: '' });
  const refused = await client.ask(prompts, WAIT_MS);
  expect(refused).toMatchObject({ kind: 'error', what: '404 no such session' });
  expect(await client.ask(LIST, 50)).toMatchObject({ kind: 'silent' });
  client.close();
});

test('askMeanwhile() asks again and again, and forgets who had no time to be answered', async () => {
  let asked = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  await using place = await serve((_request, response, body) => {
    asked += 1;
    if (asked <= 2) response.end(JSON.stringify({ id: idOf(body), result: {} }));
    if (asked === 4) resolve();
  });
  const asking = await askMeanwhile({ url: place.url, way: 'plain' }, LIST);
  await promise;
  expect((await asking.stop()).map(({ kind }) => kind)).toEqual(['answered', 'answered']);
});
