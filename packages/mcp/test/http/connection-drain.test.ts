import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { waitUntil } from '@cortex-os/testkit';
import { Client } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { createConnectionDrain } from '../../src/http/connection-drain.ts';

async function start(
  handle: (request: IncomingMessage, response: ServerResponse) => void = (_request, response) =>
    void response.end('ok'),
) {
  const server = createServer(handle);
  const drain = createConnectionDrain(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = new Client(`http://127.0.0.1:${port}`);
  onTestFinished(async () => {
    await client.destroy();
    await drain.end(0);
  });
  const get = async () => {
    const { headers, body } = await client.request({ path: '/', method: 'GET' });
    await body.text();
    return headers['connection'];
  };
  return { server, drain, port, get };
}

test('after begin() every answer ends its connection, and none did before (T7)', async () => {
  const { drain, get } = await start();
  expect(await get()).toBe('keep-alive');
  drain.begin();
  drain.begin();
  expect(await get()).toBe('close');
  await waitUntil(() => drain.open === 0, { describe: 'the connection is closed' });
});

test('begin() also marks the answers of requests that came before', async () => {
  const responses: ServerResponse[] = [];
  const { drain, get } = await start((_request, response) => void responses.push(response));
  const answer = get();
  await waitUntil(() => responses.length === 1, { describe: 'the request is there' });
  expect(drain.busy).toBe(1);
  drain.begin();
  responses[0]?.writeHead(200, { 'content-length': 2 }).end('ok');
  expect(await answer).toBe('close');
  expect(drain.busy).toBe(0);
});

test('an event stream that has begun is left as it is', async () => {
  const responses: ServerResponse[] = [];
  const { drain, port } = await start((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': begun\n\n');
    responses.push(response);
  });
  const asked = request({ port, host: '127.0.0.1' }).end();
  const [stream] = (await once(asked, 'response')) as [IncomingMessage];
  drain.begin();
  responses[0]?.end('data: last\n\n');
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  expect(text).toBe(': begun\n\ndata: last\n\n');
});

test('stopAccepting() leaves idle connections alone; end() ends them', async () => {
  const { server, drain, port, get } = await start();
  await get();
  drain.stopAccepting();
  drain.stopAccepting();
  const refused = connect(port, '127.0.0.1');
  const [error] = (await once(refused, 'error')) as [Error & { code: string }];
  expect(error.code).toBe('ECONNREFUSED');
  expect(drain.open).toBe(1);
  // Served as before, on the connection that is there.
  expect(await get()).toBe('keep-alive');
  await drain.end(1_000);
  await waitUntil(() => drain.open === 0, { describe: 'the connection is closed' });
  expect(server.listening).toBe(false);
});

test('end() cuts what is still busy after its grace, and may be called for a server that never listened', async () => {
  const { drain, get } = await start(() => undefined);
  const answer = get().catch((error: unknown) => String(error));
  await waitUntil(() => drain.busy === 1, { describe: 'the request is there' });
  await drain.end(20);
  expect(await answer).toMatch(/closed|reset|terminated/);
  await createConnectionDrain(createServer()).end(0);
});

test('quietFor() is true when nobody is connected and nobody was for so long', async () => {
  const { drain, get } = await start();
  expect(drain.quietFor(60_000)).toBe(true);
  await get();
  expect(drain.quietFor(0)).toBe(false);
  drain.begin();
  await get();
  await waitUntil(() => drain.open === 0, { describe: 'the connection is closed' });
  expect(drain.quietFor(60_000)).toBe(false);
  await waitUntil(() => drain.quietFor(20), { describe: '20 ms have passed' });
});
