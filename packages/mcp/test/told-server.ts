import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

/** What a server was told when it was started or asked. */
export interface Told {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

function answer(method: string, told: () => object): object | undefined {
  if (method === 'initialize') {
    const serverInfo = { name: 'told', version: '1' };
    return { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo };
  }
  if (method === 'tools/list') {
    return { tools: [{ name: 'told', inputSchema: { type: 'object' } }] };
  }
  if (method === 'tools/call') {
    return { content: [{ type: 'text', text: JSON.stringify(told()) }] };
  }
  return method === 'ping' ? {} : undefined;
}

/** The reply to one message as text; undefined for a notification. */
function reply(text: string, told: () => object): string | undefined {
  const { id, method } = JSON.parse(text) as { id?: number; method: string };
  if (id === undefined) return undefined;
  const result = answer(method, told);
  const rest = result === undefined ? { error: { code: -32_601, message: method } } : { result };
  return JSON.stringify({ jsonrpc: '2.0', id, ...rest });
}

/** How to start this file as a stdio server whose tool `told` says what it was started with. */
export const TOLD_SERVER: { readonly command: string; readonly args: readonly string[] } = {
  command: process.execPath,
  args: ['--conditions=cortex-source', fileURLToPath(import.meta.url), '--serve'],
};

function serveStdio(): void {
  const told: Told = { args: process.argv.slice(3), env: process.env, cwd: process.cwd() };
  let rest = '';
  process.stdin.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines.filter((one) => one.trim() !== '')) {
      const text = reply(line, () => told);
      if (text !== undefined) process.stdout.write(`${text}\n`);
    }
  });
  process.stdin.on('end', () => process.exit(0));
}

/** A server over HTTP whose tool `told` says by which path and header it was asked. */
export async function startToldHttp(): Promise<AsyncDisposable & { readonly origin: string }> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const { authorization, 'x-key': key } = request.headers;
      const told = { path: request.url, authorization, key };
      const text = request.method === 'POST' ? reply(body, () => told) : undefined;
      const status = request.method === 'POST' ? (text === undefined ? 202 : 200) : 405;
      response.writeHead(status, { 'content-type': 'application/json' }).end(text);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

if (process.argv[2] === '--serve') serveStdio();
