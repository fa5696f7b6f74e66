import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as textOf } from 'node:stream/consumers';

/** Lists as raw JSON, so that they can hold what no serialiser writes. */
export interface RawLists {
  readonly tools?: readonly string[];
  readonly prompts?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceTemplates?: readonly string[];
}

/** What was asked, as it arrived. */
export interface Asked {
  readonly method: string;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: readonly string[];
  readonly body: string;
  readonly name: string | undefined;
}

/** Answers a request in place of the server when it returns true. */
export type Intercept = (asked: Asked, id: unknown, response: ServerResponse) => boolean;

/** A modern server that says whatever it is told to, and remembers what it was asked. */
export interface HostileServer extends AsyncDisposable {
  readonly url: string;
  readonly asked: readonly Asked[];
  lists: RawLists;
  intercept: Intercept;
  /** What it calls itself. */
  serverInfo: string;
  instructions: string;
}

const LISTS: Readonly<Record<string, keyof RawLists>> = {
  'tools/list': 'tools',
  'prompts/list': 'prompts',
  'resources/list': 'resources',
  'resources/templates/list': 'resourceTemplates',
};
const ENVELOPE = '"resultType":"complete","ttlMs":0,"cacheScope":"public"';
const CAPABILITIES = '"capabilities":{"tools":{},"prompts":{},"resources":{},"completions":{}}';

function resultOf(server: HostileServer, method: string): string | undefined {
  const { serverInfo, instructions } = server;
  if (method === 'server/discover') {
    return `{"supportedVersions":["2026-07-28"],${CAPABILITIES},"instructions":${instructions},"_meta":{"io.modelcontextprotocol/serverInfo":${serverInfo}},${ENVELOPE}}`;
  }
  const kind = LISTS[method];
  if (kind !== undefined) return `{"${kind}":[${(server.lists[kind] ?? []).join()}],${ENVELOPE}}`;
  return undefined;
}

function defaultAnswer({ method, name }: Asked): string | undefined {
  if (method === 'tools/call') {
    return `{"content":[{"type":"text","text":${JSON.stringify(`called ${name}`)}}],"resultType":"complete"}`;
  }
  if (method === 'resources/read') return `{"contents":[],${ENVELOPE}}`;
  return method === 'prompts/get' ? '{"messages":[],"resultType":"complete"}' : undefined;
}

interface Message {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: { readonly name?: string; readonly uri?: string };
}

export async function startHostile(lists: RawLists = {}): Promise<HostileServer> {
  const asked: Asked[] = [];
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await textOf(request);
    if (request.method !== 'POST') {
      response.writeHead(405).end();
      return;
    }
    const { id, method = '', params } = JSON.parse(body) as Message;
    const { headers, rawHeaders } = request;
    const one: Asked = { method, headers, rawHeaders, body, name: params?.name ?? params?.uri };
    asked.push(one);
    if (server.intercept(one, id, response)) return;
    const result = resultOf(server, method) ?? defaultAnswer(one);
    const member =
      result === undefined ? '"error":{"code":-32601,"message":"no"}' : `"result":${result}`;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},${member}}`);
  };
  const http = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const server: HostileServer = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    asked,
    lists,
    intercept: () => false,
    serverInfo: '{"name":"hostile","version":"1"}',
    instructions: '""',
    [Symbol.asyncDispose]: async () => {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
  return server;
}

/** A tool as raw JSON. */
export function rawTool(name: string, more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ name, inputSchema: { type: 'object' }, ...more });
}
