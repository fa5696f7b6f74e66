// What can be had at all from this runtime: a proxy, a relay and servers that know nothing of MCP.
import { spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Agent, type Dispatcher } from 'undici';
import { keepHeapSlack } from '../../src/service/heap-slack.ts';
import { answerCommands, type StartedSubject } from './answer-commands.ts';

type Handle = (request: IncomingMessage, response: ServerResponse) => void;

async function listen(handle: Handle): Promise<string> {
  const server = createServer({ keepAliveTimeout: 600_000, noDelay: true }, handle);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
}

function collect(request: IncomingMessage, then: (body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const [first] = chunks;
    then(chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks));
  });
}

/** Writes what arrives as it arrives; the client's pace is the server's. */
class PassThrough implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse;
  constructor(response: ServerResponse) {
    this.#response = response;
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    const passed: Record<string, string | string[]> = {};
    for (const name of ['content-type', 'content-length', 'mcp-session-id']) {
      const value = headers[name];
      if (value !== undefined) passed[name] = value;
    }
    this.#response.writeHead(status, passed);
    this.#response.on('drain', () => controller.resume());
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#response.write(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    this.#response.end();
  }

  onRequestStart(): void {
    // Nothing to prepare.
  }

  onResponseError(): void {
    this.#response.destroy();
  }
}

const FORWARDED = [
  'content-type',
  'accept',
  'mcp-protocol-version',
  'mcp-method',
  'mcp-name',
  'mcp-session-id',
];

function forwardedHeaders({ headers }: IncomingMessage): string[] {
  const found: string[] = [];
  for (const name of FORWARDED) {
    const value = headers[name];
    if (typeof value === 'string') found.push(name, value);
  }
  return found;
}

/** As many sockets to a server as Cortex MCP may open in the benches. */
const CONNECTIONS = 1_000;

async function startProxy(url: string, piped: boolean): Promise<StartedSubject> {
  const { origin, pathname: path } = new URL(url);
  const agent = new Agent({ connections: CONNECTIONS, pipelining: 1 });
  const forward = (
    request: IncomingMessage,
    response: ServerResponse,
    body: Buffer | IncomingMessage,
  ): void => {
    const headers = forwardedHeaders(request);
    if (piped) headers.push('content-length', request.headers['content-length'] ?? '0');
    agent.dispatch(
      { origin, path, method: request.method === 'DELETE' ? 'DELETE' : 'POST', headers, body },
      new PassThrough(response),
    );
  };
  return {
    url: await listen((request, response) => {
      if (piped) forward(request, response, request);
      else collect(request, (body) => forward(request, response, body));
    }),
  };
}

const ID = /"id":\s*("[^"]*"|\d+)/;
const HEAD_CHARS = 4_096;

/** Swaps the id for another; the text of the old one is returned with the bytes. */
function swapId(body: Buffer, id: string): { readonly bytes: Buffer; readonly old: string } {
  const head = body.toString('latin1', 0, HEAD_CHARS);
  const found = ID.exec(head);
  const old = found?.[1] ?? '';
  const at = (found?.index ?? 0) + (found?.[0].length ?? 0) - old.length;
  const size = body.length - old.length + id.length;
  const bytes = Buffer.allocUnsafe(size);
  body.copy(bytes, 0, 0, at);
  bytes.write(id, at, 'latin1');
  body.copy(bytes, at + id.length, at + old.length);
  return { bytes, old };
}

const NEWLINE = Buffer.from('\n');
const NEWLINE_BYTE = 10;

/** Sends a line that came in pieces, with another id in its first. */
function sendLine(response: ServerResponse, pieces: readonly Buffer[], id: string): void {
  const [first = Buffer.alloc(0), ...others] = pieces;
  const { bytes } = swapId(first, id);
  const length = others.reduce((sum, piece) => sum + piece.length, bytes.length);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': length });
  if (others.length === 0) {
    response.end(bytes);
    return;
  }
  response.write(bytes);
  for (const piece of others) response.write(piece);
  response.end();
}

async function startRelay(command: string, args: readonly string[]): Promise<StartedSubject> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting = new Map<string, { readonly response: ServerResponse; readonly id: string }>();
  let nextId = 1;
  /** Of a line whose end has not come. */
  let held: Buffer[] = [];
  const answerLine = (line: Buffer): void => {
    // The id has to be in one piece; longer lines stay in those they came in.
    const isShort = held.length > 0 && (held[0]?.length ?? 0) < HEAD_CHARS;
    const pieces = isShort ? [Buffer.concat([...held, line])] : [...held, line];
    held = [];
    const id = ID.exec(pieces[0]?.toString('latin1', 0, HEAD_CHARS) ?? '')?.[1] ?? '';
    const call = waiting.get(id);
    if (call === undefined) return;
    waiting.delete(id);
    sendLine(call.response, pieces, call.id);
  };
  child.stdout.on('data', (chunk: Buffer) => {
    let start = 0;
    for (
      let end = chunk.indexOf(NEWLINE_BYTE);
      end !== -1;
      end = chunk.indexOf(NEWLINE_BYTE, start)
    ) {
      answerLine(chunk.subarray(start, end));
      start = end + 1;
    }
    if (start < chunk.length) held.push(chunk.subarray(start));
  });
  const url = await listen((request, response) => {
    collect(request, (body) => {
      const id = String(nextId++);
      const { bytes, old } = swapId(body, id);
      waiting.set(id, { response, id: old });
      child.stdin.cork();
      child.stdin.write(bytes);
      child.stdin.write(NEWLINE);
      process.nextTick(() => child.stdin.uncork());
    });
  });
  return {
    url,
    async close() {
      const ended = once(child, 'exit');
      child.stdin.end();
      await ended;
    },
  };
}

async function startBytes(text: string, greeting: string | undefined): Promise<StartedSubject> {
  const body = Buffer.from(text);
  const type = { 'content-type': 'application/json' };
  const headers = { ...type, 'content-length': body.length };
  const greets = { ...type, 'mcp-session-id': 'bytes' };
  return {
    url: await listen((request, response) => {
      const isNew = greeting !== undefined && request.headers['mcp-session-id'] === undefined;
      collect(request, () => {
        if (isNew) response.writeHead(200, greets).end(greeting);
        else response.writeHead(200, headers).end(body);
      });
    }),
  };
}

async function startStreams(): Promise<StartedSubject> {
  const streams = new Set<ServerResponse>();
  return {
    url: await listen((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': open\n\n');
      streams.add(response);
      response.once('close', () => streams.delete(response));
    }),
    broadcast(text) {
      for (const stream of streams) stream.write(text);
    },
  };
}

answerCommands(async (options) => {
  switch (options.kind) {
    case 'proxy':
      keepHeapSlack(options.heapSlackMiB ?? 0, undefined, 0);
      return await startProxy(options.url, options.piped);
    case 'relay':
      return await startRelay(options.command, options.args);
    case 'bytes':
      return await startBytes(options.body, options.greeting);
    case 'streams':
      return await startStreams();
    case 'sdk':
    case 'ours':
      throw new TypeError('that has a process of its own');
    default:
      throw new TypeError('there is no such subject');
  }
});
