import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { startStreamClients } from '../../bench/lib/stream-clients.ts';

/** Sessions by id: how many were begun and which are still there. */
async function startSessions() {
  const open = new Set<string>();
  let begun = 0;
  const server = createServer((request, response) => {
    request.resume();
    const id = String(request.headers['mcp-session-id']);
    if (request.method === 'GET') {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': open\n\n');
    } else if (request.method === 'DELETE') {
      open.delete(id);
      response.writeHead(204).end();
    } else if (open.has(id)) {
      response.writeHead(202, { 'content-length': 0 }).end();
    } else {
      begun += 1;
      open.add(`session-${begun}`);
      response.writeHead(200, { 'mcp-session-id': `session-${begun}`, 'content-length': 2 });
      response.end('{}');
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    open,
    begun: (): number => begun,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

test('close() of stream clients ends their sessions, so that the next ones are alone', async () => {
  await using sessions = await startSessions();
  await using clients = startStreamClients();
  await clients.open({ url: sessions.url, count: 3, session: true });
  await clients.open({ url: sessions.url, count: 2, session: false });
  expect(sessions.begun()).toBe(3);
  expect(sessions.open.size).toBe(3);
  await clients.close();
  expect(sessions.open.size).toBe(0);
  expect(await clients.arrivals()).toEqual([]);
});
