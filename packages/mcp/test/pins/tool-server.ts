import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A tool as the server writes it: raw JSON, or an object. */
export type OfferedTool = string | Readonly<Record<string, unknown>>;

/** A modern server whose tool definitions can be anything and change at any time. */
export interface ToolServer extends AsyncDisposable {
  readonly url: string;
  /** Names of the tools that were called. */
  readonly called: readonly string[];
  /** What it says to every call; raw JSON of an answer's `result` or `error` member. */
  answer: string;
  offer(...tools: readonly OfferedTool[]): void;
}

interface Message {
  readonly id?: number | string;
  readonly method: string;
  readonly params?: { readonly name?: string };
}

async function read(request: IncomingMessage): Promise<Message> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return JSON.parse(text) as Message;
}

export async function startToolServer(...tools: readonly OfferedTool[]): Promise<ToolServer> {
  let offered = tools;
  const called: string[] = [];
  const server = createServer((request, response) => void handle(request, response));
  const state = { answer: '"result":{"resultType":"complete","content":[]}' };

  function memberFor({ method, params }: Message): string {
    if (method === 'server/discover') {
      return `"result":{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"resultType":"complete","ttlMs":0,"cacheScope":"public"}`;
    }
    if (method === 'tools/list') {
      const texts = offered.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)));
      return `"result":{"tools":[${texts.join(',')}],"resultType":"complete","ttlMs":3600000,"cacheScope":"public"}`;
    }
    if (method !== 'tools/call') return '"error":{"code":-32601,"message":"no"}';
    called.push(params?.name ?? '');
    return state.answer;
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'POST') {
      response.writeHead(405).end();
      return;
    }
    const message = await read(request);
    const body = `{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},${memberFor(message)}}`;
    response.writeHead(200, { 'content-type': 'application/json' }).end(body);
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(state, {
    url: `http://127.0.0.1:${port}/mcp`,
    called,
    offer: (...next: readonly OfferedTool[]) => {
      offered = next;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

/** A tool with a description. */
export function tool(name: string, description: string, more: object = {}): OfferedTool {
  return { name, description, inputSchema: { type: 'object' }, ...more };
}
