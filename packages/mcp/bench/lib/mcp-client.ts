import { Agent, type Dispatcher } from 'undici';

const VERSION = '2026-07-28';

/** One request of the modern revision. */
export interface ModernCall {
  readonly method: string;
  /** Members of `params` beside `_meta`. */
  readonly params: Readonly<Record<string, unknown>>;
  /** Value of `Mcp-Name`. */
  readonly name?: string;
}

function bodyOf(id: number, { method, params }: ModernCall): string {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': VERSION,
    'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '0' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  return JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, _meta: meta } });
}

/** A client that costs little: keep-alive sockets, bodies read and not parsed. */
export interface BenchClient {
  /** @returns the answer's text. @throws Error for a status other than 200. */
  send(url: string, call: ModernCall): Promise<string>;
  close(): Promise<void>;
}

export function createBenchClient(connections: number): BenchClient {
  const agent = new Agent({ connections, pipelining: 1 });
  let nextId = 1;
  return {
    async send(url, call) {
      const headers: Record<string, string> = {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': VERSION,
        'mcp-method': call.method,
      };
      if (call.name !== undefined) headers['mcp-name'] = call.name;
      const { origin, pathname } = new URL(url);
      const request: Dispatcher.RequestOptions = {
        origin,
        path: pathname,
        method: 'POST',
        headers,
        body: bodyOf(nextId++, call),
      };
      const response = await agent.request(request);
      const text = await response.body.text();
      if (response.statusCode !== 200) throw new Error(`${response.statusCode}: ${text}`);
      return text;
    },
    close: async () => await agent.close(),
  };
}
