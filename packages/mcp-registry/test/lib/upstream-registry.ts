import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { onTestFinished } from 'vitest';

/** A server on a free port of this machine; it is closed when the test ends. */
export async function startHttp(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `http://127.0.0.1:${address.port}`;
}

/** Answers every request with one JSON text. */
export function sendJson(response: ServerResponse, value: unknown, headers = {}): void {
  response.writeHead(200, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(value));
}

/** An item of a list of the official API. */
export function item(name: string, meta: Record<string, unknown> = {}, server = {}): unknown {
  const official = { status: 'active', updatedAt: '2026-01-01T00:00:00Z', isLatest: true, ...meta };
  return {
    server: { name, version: '1.0.0', description: name, ...server },
    _meta: { 'io.modelcontextprotocol.registry/official': official },
  };
}
