import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

/** A server that counts each call by the id it was given, and answers it after as many milliseconds as it was told. */
export interface CountingUpstream extends AsyncDisposable {
  readonly url: string;
  /** How often each id was called. */
  readonly hits: ReadonlyMap<string, number>;
}

interface Message {
  readonly id?: number | string;
  readonly method: string;
  readonly params?: { readonly arguments?: { readonly id?: string; readonly ms?: number } };
}

const TOOL = { name: 'count', description: 'Counts.', inputSchema: { type: 'object' } };

async function read(request: IncomingMessage): Promise<Message> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString()) as Message;
}

/** Speaks revision 2025-11-25 without sessions. */
export async function startCountingUpstream(): Promise<CountingUpstream> {
  const hits = new Map<string, number>();
  const resultOf = async ({ method, params }: Message): Promise<object> => {
    if (method === 'initialize') {
      return {
        protocolVersion: '2025-11-25',
        capabilities: { tools: {} },
        serverInfo: { name: 'counting', version: '1' },
      };
    }
    if (method === 'tools/list') return { tools: [TOOL] };
    const { id = '', ms = 0 } = params?.arguments ?? {};
    hits.set(id, (hits.get(id) ?? 0) + 1);
    if (ms > 0) await wait(ms);
    return { content: [{ type: 'text', text: id }] };
  };
  const server = createServer((request, response) => {
    void (async () => {
      if (request.method !== 'POST') {
        response.writeHead(405).end();
        return;
      }
      const message = await read(request);
      if (message.id === undefined) {
        response.writeHead(202).end();
        return;
      }
      const result = await resultOf(message);
      const body = JSON.stringify({ jsonrpc: '2.0', id: message.id, result });
      response.writeHead(200, { 'content-type': 'application/json' }).end(body);
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    hits,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
