import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server of the older transport, byte for byte. */
export interface RawSse extends AsyncDisposable {
  readonly url: string;
  readonly origin: string;
  /** Bodies posted, parsed. */
  readonly posted: Record<string, unknown>[];
  /** Answers a GET: by default the endpoint event. */
  onStream: (response: ServerResponse) => void;
  /** Takes a message; by default answers the handshake, and nothing else. */
  onMessage: (message: Record<string, unknown>, response: ServerResponse) => void;
  /** Sends bytes on the last stream. */
  write(text: string): void;
  say(message: unknown): void;
  /** Ends the last stream. */
  end(): void;
}

export const INITIALIZED = {
  protocolVersion: '2024-11-05',
  capabilities: { tools: {} },
  serverInfo: { name: 'raw', version: '1' },
};

export async function startRaw(): Promise<RawSse> {
  let stream: ServerResponse | undefined;
  const server = createServer((request, response) => {
    if (request.method === 'GET') {
      stream = response;
      raw.onStream(response);
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const message = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
      raw.posted.push(message);
      raw.onMessage(message, response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const raw: RawSse = {
    origin,
    url: `${origin}/sse?key=hidden`,
    posted: [],
    onStream: (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': hello\n\nevent: endpoint\ndata: /in?id=1\n\n');
    },
    onMessage: (message, response) => {
      response.writeHead(202).end('Accepted');
      if (message['method'] === 'initialize') {
        raw.say({ jsonrpc: '2.0', id: message['id'], result: INITIALIZED });
      }
    },
    end: () => void stream?.end(),
    write: (text) => void stream?.write(text),
    say: (message) =>
      raw.write(`data: ${typeof message === 'string' ? message : JSON.stringify(message)}\n\n`),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return raw;
}
