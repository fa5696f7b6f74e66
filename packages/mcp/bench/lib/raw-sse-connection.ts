import { connect, type Socket } from 'node:net';
import { RawHttpConnection, type RawAnswer } from './raw-http-connection.ts';

const OPEN_TIMEOUT_MS = 5_000;

/**
 * HTTP+SSE of revision 2024-11-05, one request at a time: requests are POSTed, answers come on a stream. What is
 * handed to `send` are the parts of a POST, whose first line is put right.
 */
export class RawSseConnection {
  readonly #stream: Socket;
  readonly #post: RawHttpConnection;
  readonly #path: string;
  #text = '';
  #onAnswer: ((answer: RawAnswer) => void) | undefined;
  #onEnd: ((error: Error) => void) | undefined;

  private constructor(stream: Socket, post: RawHttpConnection, path: string) {
    this.#stream = stream;
    this.#post = post;
    this.#path = path;
    stream.on('data', (chunk: Buffer) => this.#read(chunk.toString('latin1')));
    stream.on('close', () => this.#ended(new Error('the stream was closed')));
  }

  static async open(url: URL): Promise<RawSseConnection> {
    const port = Number(url.port);
    const stream = connect({ host: url.hostname, port, noDelay: true });
    stream.on('error', () => undefined);
    stream.write(
      `GET ${url.pathname} HTTP/1.1\r\nhost: ${url.host}\r\naccept: text/event-stream\r\n\r\n`,
    );
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const given = setTimeout(() => reject(new Error(`no stream at ${url.href}`)), OPEN_TIMEOUT_MS);
    let text = '';
    const listen = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      const path = /data: ?(\S+)\r?\n/.exec(text)?.[1];
      if (path !== undefined) resolve(path);
    };
    stream.on('data', listen);
    const path = await promise;
    clearTimeout(given);
    stream.off('data', listen);
    const { pathname, search } = new URL(path, url);
    const post = await RawHttpConnection.open(url.hostname, port);
    return new RawSseConnection(stream, post, `${pathname}${search}`);
  }

  get open(): boolean {
    return !this.#stream.destroyed;
  }

  send(
    parts: readonly Buffer[],
    onAnswer: (answer: RawAnswer) => void,
    onEnd: (error: Error) => void,
  ): void {
    this.#onAnswer = onAnswer;
    this.#onEnd = onEnd;
    const [head = Buffer.alloc(0), ...more] = parts;
    const line = head.indexOf('\r\n');
    const first = Buffer.concat([Buffer.from(`POST ${this.#path} HTTP/1.1`), head.subarray(line)]);
    this.#post.send([first, ...more], () => undefined, onEnd);
  }

  async ask(parts: readonly Buffer[]): Promise<RawAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<RawAnswer>();
    this.send(parts, resolve, reject);
    return await promise;
  }

  close(error?: Error): void {
    if (error === undefined) this.#onEnd = undefined;
    else this.#ended(error);
    this.#stream.destroy();
    this.#post.close();
  }

  #ended(error: Error): void {
    const onEnd = this.#onEnd;
    this.#onEnd = undefined;
    this.#onAnswer = undefined;
    onEnd?.(error);
  }

  #read(chunk: string): void {
    const all = this.#text + chunk;
    let at = 0;
    for (let end = all.indexOf('\n\n'); end !== -1; end = all.indexOf('\n\n', at)) {
      const event = all.slice(at, end);
      at = end + 2;
      if (!event.includes('"jsonrpc"') || event.includes('"method":"notifications/')) continue;
      const onAnswer = this.#onAnswer;
      this.#onAnswer = undefined;
      onAnswer?.({ status: 200, bytes: event.length, head: '', body: event });
    }
    this.#text = all.slice(at);
  }
}
