// The other side of raw-server.ts: what a server does, and no more than that.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { LEGACY_VERSION, MODERN_VERSION, toolListJson, toolResultJson } from './message-bytes.ts';
import type {
  Announcement,
  RawFault,
  RawServerAnswer,
  RawServerCommand,
  RawServerOptions,
} from './raw-server-protocol.ts';
import { ownUsage } from './usage.ts';

const HEAD_BYTES = 4_096;
const SERVER_INFO = '{"name":"raw","version":"0"}';
const CAPABILITIES = '{"tools":{"listChanged":true},"resources":{"subscribe":true}}';
const RESOURCE = 'bench://text/1';
/** What the official SDK 1 says, by status. */
const REFUSALS = new Map([
  [400, '{"code":-32000,"message":"Bad Request: Server not initialized"}'],
  [404, '{"code":-32001,"message":"Session not found"}'],
]);
const TOLD = {
  tools: 'data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n',
  resource: `data: {"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"${RESOURCE}"}}\n\n`,
} as const;

/** Result texts by tool, made once for all servers. */
const results = new Map<string, Buffer>();

function resultOf(tool: string, options: RawServerOptions): Buffer {
  const known = results.get(tool);
  if (known !== undefined) return known;
  const made = Buffer.from(toolResultJson(tool.split('-', 1)[0] ?? '', options.era));
  results.set(tool, made);
  return made;
}

function capture(text: string, pattern: RegExp): string | undefined {
  return pattern.exec(text)?.[1];
}

/** One server on a port of its own. */
class RawServer {
  readonly #options: RawServerOptions;
  #list: Buffer;
  #added = 0;
  readonly #streams = new Set<ServerResponse>();
  readonly #held = new Set<ServerResponse>();
  #server: Server | undefined;
  #port = 0;
  #fault: RawFault = 'none';
  #sessions = 0;
  /** Sessions up to this one are forgotten. */
  #forgotten = 0;

  constructor(options: RawServerOptions, list: Buffer) {
    this.#options = options;
    this.#list = list;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/mcp`;
  }

  async listen(): Promise<void> {
    const server = createServer({ keepAliveTimeout: 600_000 }, (request, response) =>
      this.#handle(request, response),
    );
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async setFault(fault: RawFault): Promise<void> {
    if (fault === 'dead') {
      const closed = this.#server && once(this.#server, 'close');
      this.#server?.close();
      this.#server?.closeAllConnections();
      await closed;
      this.#server = undefined;
    } else if (this.#server === undefined) {
      // Another process on the same port knows no session of the one before.
      this.#forgotten = this.#sessions;
      await this.listen();
    }
    this.#fault = fault;
    if (fault !== 'hang') {
      for (const response of this.#held) response.destroy();
      this.#held.clear();
    }
  }

  announce(what: Announcement): void {
    if (what === 'tools') {
      const { era, tools, listed } = this.#options;
      this.#added += 1;
      this.#list = Buffer.from(toolListJson(era, tools, listed + this.#added));
    }
    for (const stream of this.#streams) stream.write(TOLD[what]);
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    if (request.method === 'GET') {
      this.#stream(response);
      return;
    }
    if (request.method === 'DELETE') {
      response.writeHead(204).end();
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (this.#fault === 'hang') {
        this.#held.add(response);
        response.once('close', () => this.#held.delete(response));
      } else {
        this.#answer(request, response, chunks);
      }
    });
  }

  #answer(request: IncomingMessage, response: ServerResponse, chunks: readonly Buffer[]): void {
    const first = chunks[0] ?? Buffer.alloc(0);
    let text = first.toString('latin1', 0, HEAD_BYTES);
    // Where the envelope is split over small chunks, or the id comes last.
    if (!/"id":/.test(text)) text += Buffer.concat(chunks).subarray(-HEAD_BYTES).toString('latin1');
    const id = capture(text, /"id":\s*("[^"]*"|\d+)/);
    const method = capture(text, /"method":\s*"([^"]*)"/) ?? String(request.headers['mcp-method']);
    if (id === undefined) {
      response.writeHead(202).end();
      return;
    }
    const status = this.#refusal(method, request.headers['mcp-session-id']);
    if (status !== undefined) {
      this.#refuse(response, id, status);
      return;
    }
    switch (method) {
      case 'tools/call': {
        const name = capture(text, /"name":\s*"([^"]*)"/) ?? String(request.headers['mcp-name']);
        this.#result(response, id, resultOf(name, this.#options), this.#options.events === true);
        return;
      }
      case 'tools/list':
        this.#result(response, id, this.#list, false);
        return;
      case 'subscriptions/listen':
        this.#refuse(response, id);
        return;
      default:
        this.#result(response, id, Buffer.from(this.#other(method, text, response)), false);
    }
  }

  /** As the official SDK has it: what comes without a session, or with one of the process before. */
  #refusal(method: string, session: string | string[] | undefined): number | undefined {
    if (this.#options.era === 'modern') return undefined;
    if (session === undefined) return method === 'initialize' ? undefined : 400;
    if (this.#forgotten === 0) return undefined;
    return Number(String(session).split('-').at(-1)) <= this.#forgotten ? 404 : undefined;
  }

  #other(method: string, text: string, response: ServerResponse): string {
    const complete = this.#options.era === 'modern' ? '"resultType":"complete",' : '';
    // As long as those of the tools, or the connector would be stale from its first moment.
    const kept = complete === '' ? '' : `${complete}"ttlMs":3600000,"cacheScope":"public",`;
    switch (method) {
      case 'server/discover':
        return (
          `{"supportedVersions":["${MODERN_VERSION}"],"capabilities":${CAPABILITIES},${kept}` +
          `"_meta":{"io.modelcontextprotocol/serverInfo":${SERVER_INFO}}}`
        );
      case 'initialize': {
        // Older clients take no newer revision than they asked for.
        const version = capture(text, /"protocolVersion":\s*"([\d-]+)"/) ?? LEGACY_VERSION;
        this.#sessions += 1;
        response.setHeader('mcp-session-id', `raw-${process.pid}-${this.#port}-${this.#sessions}`);
        return `{"protocolVersion":"${version}","capabilities":${CAPABILITIES},"serverInfo":${SERVER_INFO}}`;
      }
      case 'resources/list':
        return `{${kept}"resources":[{"uri":"${RESOURCE}","name":"text"}]}`;
      case 'resources/templates/list':
        return `{${kept}"resourceTemplates":[]}`;
      case 'prompts/list':
        return `{${kept}"prompts":[]}`;
      case 'resources/read':
        return `{${complete}"contents":[{"uri":"${RESOURCE}","text":"${'x'.repeat(400)}"}]}`;
      default:
        return complete === '' ? '{}' : '{"resultType":"complete"}';
    }
  }

  #result(response: ServerResponse, id: string, result: Buffer, events: boolean): void {
    const head = `{"jsonrpc":"2.0","id":${id},"result":`;
    if (events) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(`event: message\ndata: ${head}${result.toString('latin1')}}\n\n`);
      return;
    }
    const length = Buffer.byteLength(head) + result.length + 1;
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': length });
    if (result.length < 16_384) {
      response.end(`${head}${result.toString('latin1')}}`, 'latin1');
      return;
    }
    response.cork();
    response.write(head);
    response.write(result);
    response.end('}');
    response.uncork();
  }

  #refuse(response: ServerResponse, id: string, status: number = 200): void {
    const error = REFUSALS.get(status) ?? '{"code":-32601,"message":"Method not found"}';
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(`{"jsonrpc":"2.0","id":${id},"error":${error}}`);
  }

  #stream(response: ServerResponse): void {
    if (this.#options.era === 'modern' || this.#fault === 'hang') {
      response.writeHead(405).end();
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    this.#streams.add(response);
    response.once('close', () => this.#streams.delete(response));
  }
}

const servers: RawServer[] = [];

function announce(at: number, what: Announcement): RawServerAnswer {
  const atUs = Number(process.hrtime.bigint() / 1_000n);
  servers[at]?.announce(what);
  return { kind: 'told', atUs };
}

async function burst(at: number, count: number, perSecond: number): Promise<RawServerAnswer> {
  const atUs: number[] = [];
  const startedAt = performance.now();
  while (atUs.length < count) {
    const waitMs = startedAt + (atUs.length * 1_000) / perSecond - performance.now();
    if (waitMs > 0) await delay(waitMs);
    atUs.push(Number(process.hrtime.bigint() / 1_000n));
    servers[at]?.announce('resource');
  }
  return { kind: 'burst', atUs };
}

async function answer(command: RawServerCommand): Promise<RawServerAnswer> {
  switch (command.kind) {
    case 'start': {
      const { options } = command;
      const list = Buffer.from(toolListJson(options.era, options.tools, options.listed));
      const started = Array.from({ length: options.count }, () => new RawServer(options, list));
      for (const server of started) await server.listen();
      servers.push(...started);
      return { kind: 'started', urls: started.map(({ url }) => url) };
    }
    case 'fault':
      await servers[command.at]?.setFault(command.fault);
      return { kind: 'done' };
    case 'announce':
      return announce(command.at, command.what);
    case 'burst':
      return await burst(command.at, command.count, command.perSecond);
    case 'usage':
      return { kind: 'usage', usage: ownUsage() };
    default:
      throw new TypeError('there is no such command');
  }
}

process.on('message', (command: RawServerCommand) => {
  void answer(command).then((reply) => process.connected && process.send?.(reply));
});
process.on('disconnect', () => process.exit());
