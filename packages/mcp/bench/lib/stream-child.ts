// The other side of stream-clients.ts: many clients that hold a stream and wait.
import { connect, type Socket } from 'node:net';
import { LEGACY_VERSION } from './message-bytes.ts';
import { RawHttpConnection } from './raw-http-connection.ts';
import type { StreamAnswer, StreamCommand } from './stream-protocol.ts';

const ACCEPT = 'accept: application/json, text/event-stream';
const VERSION = `mcp-protocol-version: ${LEGACY_VERSION}`;
const INITIALIZE = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: LEGACY_VERSION,
    capabilities: {},
    clientInfo: { name: 'bench', version: '0' },
  },
});
const INITIALIZED = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' });

const nowUs = (): number => Number(process.hrtime.bigint() / 1_000n);

function post(url: URL, body: string, more: readonly string[]): Buffer {
  const lines = [
    `POST ${url.pathname} HTTP/1.1`,
    `host: ${url.host}`,
    'content-type: application/json',
    ACCEPT,
    ...more,
    `content-length: ${body.length}`,
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

/** A stream, on a socket that is read for nothing but events. */
class Stream {
  readonly arrivals: number[] = [];
  readonly #socket: Socket;
  #rest = '';

  constructor(socket: Socket, onOpen: () => void) {
    this.#socket = socket;
    let opened = false;
    socket.on('data', (chunk: Buffer) => {
      this.#read(chunk.toString('latin1'));
      if (!opened) onOpen();
      opened = true;
    });
    socket.on('error', () => undefined);
  }

  #read(text: string): void {
    const all = this.#rest + text;
    let at = 0;
    for (let end = all.indexOf('\n\n'); end !== -1; end = all.indexOf('\n\n', at)) {
      const event = all.slice(at, end);
      if (event.includes('"notifications/')) this.arrivals.push(nowUs());
      at = end + 2;
    }
    this.#rest = all.slice(at);
  }

  close(): void {
    this.#socket.destroy();
  }
}

async function openStream(url: URL, headers: readonly string[]): Promise<Stream> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true });
  socket.once('error', reject);
  const stream = new Stream(socket, resolve);
  const lines = [
    `GET ${url.pathname} HTTP/1.1`,
    `host: ${url.host}`,
    'accept: text/event-stream',
    ...headers,
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  await promise;
  return stream;
}

/** A client: its stream, and its session where it has one. */
interface Client {
  readonly url: URL;
  readonly stream: Stream;
  readonly headers: readonly string[];
}

let clients: readonly Client[] = [];

async function openOne(
  url: URL,
  hello: RawHttpConnection | undefined,
  subscribe: string | undefined,
): Promise<Client> {
  if (hello === undefined) return { url, stream: await openStream(url, []), headers: [] };
  const { head, body } = await hello.ask([post(url, INITIALIZE, [])]);
  const id = /\r\nmcp-session-id: ?([^\r]*)/i.exec(head)?.[1];
  if (id === undefined) throw new Error(`no session was opened: ${body}`);
  const headers = [`mcp-session-id: ${id}`, VERSION];
  await hello.ask([post(url, INITIALIZED, headers)]);
  const stream = await openStream(url, headers);
  if (subscribe !== undefined) {
    const params = { uri: subscribe };
    const request = { jsonrpc: '2.0', id: 2, method: 'resources/subscribe', params };
    const { body: said = '' } = await hello.ask([post(url, JSON.stringify(request), headers)]);
    if (said.includes('"error"')) throw new Error(said);
  }
  return { url, stream, headers };
}

/** Ends the sessions as well: what is told to clients that are gone would be work beside the next ones'. */
async function closeAll(): Promise<void> {
  const closing = clients;
  clients = [];
  for (const { stream } of closing) stream.close();
  const greeted = closing.filter(({ headers }) => headers.length > 0);
  const [first] = greeted;
  if (first === undefined) return;
  const goodbye = await RawHttpConnection.open(first.url.hostname, Number(first.url.port));
  for (const { url, headers } of greeted) {
    const lines = [`DELETE ${url.pathname} HTTP/1.1`, `host: ${url.host}`, ...headers];
    await goodbye.ask([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`)]);
  }
  goodbye.close();
}

async function answer(command: StreamCommand): Promise<StreamAnswer> {
  switch (command.kind) {
    case 'open': {
      const url = new URL(command.url);
      const port = Number(url.port);
      const hello = command.session ? await RawHttpConnection.open(url.hostname, port) : undefined;
      const opened: Client[] = [];
      for (let count = 0; count < command.count; count += 1) {
        opened.push(await openOne(url, hello, command.subscribe));
      }
      hello?.close();
      clients = [...clients, ...opened];
      return { kind: 'done' };
    }
    case 'reset':
      for (const { stream } of clients) stream.arrivals.length = 0;
      return { kind: 'done' };
    case 'arrivals':
      return { kind: 'arrivals', streams: clients.map(({ stream }) => stream.arrivals) };
    case 'close':
      await closeAll();
      return { kind: 'done' };
    default:
      throw new TypeError('there is no such command');
  }
}

process.on('message', (command: StreamCommand) => {
  void answer(command)
    .catch((error: unknown): StreamAnswer => ({ kind: 'failed', why: String(error) }))
    .then((reply) => process.connected && process.send?.(reply));
});
process.on('disconnect', () => process.exit());
