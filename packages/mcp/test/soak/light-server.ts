import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/** A modern server that costs little, so that a soak spends its time in the gateway. */
export interface LightServer extends AsyncDisposable {
  readonly url: string;
  readonly calls: number;
  /** Open connections now. */
  readonly connections: number;
  /** Cuts every connection and listens on the same port again. */
  restart(): Promise<void>;
}

interface Message {
  readonly id: number | string;
  readonly method: string;
  readonly params?: { readonly arguments?: { readonly message?: string } };
}

const CACHE = { ttlMs: 60_000, cacheScope: 'public' } as const;
const TOOL = {
  name: 'echo',
  description: 'Says what it is told.',
  inputSchema: { type: 'object', properties: { message: { type: 'string' } } },
};

function resultOf({ method, params }: Message): object | undefined {
  if (method === 'server/discover') {
    return {
      resultType: 'complete',
      supportedVersions: ['2026-07-28'],
      capabilities: { tools: {} },
      serverInfo: { name: 'light', version: '1' },
      ...CACHE,
    };
  }
  if (method === 'tools/list') return { resultType: 'complete', tools: [TOOL], ...CACHE };
  if (method !== 'tools/call') return undefined;
  const text = params?.arguments?.message ?? '';
  return { resultType: 'complete', content: [{ type: 'text', text }] };
}

function answer(message: Message, response: ServerResponse): void {
  const result = resultOf(message);
  const error = { code: -32_601, message: 'Method not found' };
  const status = result === undefined ? 404 : 200;
  const body = {
    jsonrpc: '2.0',
    id: message.id,
    ...(result === undefined ? { error } : { result }),
  };
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

export async function startLightServer(): Promise<LightServer> {
  let calls = 0;
  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const message = (await json(request)) as Message;
      if (message.method === 'tools/call') calls += 1;
      answer(message, response);
    } catch {
      // A restart has cut the connection.
      response.destroy();
    }
  }
  let connections = 0;
  const server = createServer((request, response) => {
    void take(request, response);
  });
  server.on('connection', (socket) => {
    connections += 1;
    socket.once('close', () => (connections -= 1));
  });
  const listen = async (port: number): Promise<number> => {
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  };
  const stop = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };
  const port = await listen(0);
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    get calls() {
      return calls;
    },
    get connections() {
      return connections;
    },
    async restart() {
      await stop();
      await listen(port);
    },
    [Symbol.asyncDispose]: stop,
  };
}
