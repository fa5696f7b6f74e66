import { connect, type Socket } from 'node:net';

/** One answer; `body` only when it was asked for. */
export interface RawAnswer {
  readonly status: number;
  readonly bytes: number;
  readonly head: string;
  readonly body: string | undefined;
}

type Part = 'head' | 'sized' | 'chunk-size' | 'chunk' | 'trailer';

const END_OF_HEAD = Buffer.from('\r\n\r\n');

/**
 * HTTP/1.1 on a bare socket, one request at a time: what a load generator needs and no more, so that it costs a
 * fraction of what it measures.
 */
export class RawHttpConnection {
  readonly #socket: Socket;
  #part: Part = 'head';
  #rest: Buffer | undefined;
  #status = 0;
  #head = '';
  #bytes = 0;
  #left = 0;
  #kept: Buffer[] | undefined;
  #onAnswer: ((answer: RawAnswer) => void) | undefined;
  #onEnd: ((error: Error) => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#feed(chunk));
    socket.on('error', (error) => this.#ended(error));
    socket.on('close', () => this.#ended(new Error('the connection was closed')));
  }

  static async open(host: string, port: number): Promise<RawHttpConnection> {
    const { promise, resolve, reject } = Promise.withResolvers<RawHttpConnection>();
    const socket = connect({ host, port, noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => resolve(new RawHttpConnection(socket)));
    return await promise;
  }

  /** Sends the parts of one request. `onEnd` hears when the connection ends before its answer. */
  send(
    parts: readonly Buffer[],
    onAnswer: (answer: RawAnswer) => void,
    onEnd: (error: Error) => void,
    keepBody: boolean = false,
  ): void {
    this.#onAnswer = onAnswer;
    this.#onEnd = onEnd;
    this.#kept = keepBody ? [] : undefined;
    const socket = this.#socket;
    if (parts.length === 1 && parts[0] !== undefined) {
      socket.write(parts[0]);
      return;
    }
    socket.cork();
    for (const part of parts) socket.write(part);
    socket.uncork();
  }

  /** As `send`, with the body kept. */
  async ask(parts: readonly Buffer[]): Promise<RawAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<RawAnswer>();
    this.send(parts, resolve, reject, true);
    return await promise;
  }

  get open(): boolean {
    return !this.#socket.destroyed;
  }

  /** With an error, a request under way hears of it. */
  close(error?: Error): void {
    if (error === undefined) this.#onEnd = undefined;
    else this.#ended(error);
    this.#socket.destroy();
  }

  #ended(error: Error): void {
    const onEnd = this.#onEnd;
    this.#onEnd = undefined;
    this.#onAnswer = undefined;
    onEnd?.(error);
  }

  #feed(chunk: Buffer): void {
    let data = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = undefined;
    while (data.length > 0) {
      const taken = this.#take(data);
      if (taken === 0) {
        this.#rest = data;
        return;
      }
      data = data.subarray(taken);
    }
  }

  /** How many bytes of `data` were used; 0 when more are needed. */
  #take(data: Buffer): number {
    switch (this.#part) {
      case 'head':
        return this.#takeHead(data);
      case 'sized':
        return this.#takeBody(data, () => this.#done());
      case 'chunk':
        return this.#takeBody(data, () => {
          this.#part = 'chunk-size';
        });
      case 'chunk-size':
        return this.#takeSize(data);
      case 'trailer':
        return this.#takeTrailer(data);
      default:
        throw new TypeError('there is no such part');
    }
  }

  #takeHead(data: Buffer): number {
    const end = data.indexOf(END_OF_HEAD);
    if (end === -1) return 0;
    const head = data.toString('latin1', 0, end + 2);
    this.#head = head;
    this.#status = Number(head.slice(9, 12));
    this.#bytes = 0;
    const length = /\r\ncontent-length: ?(\d+)/i.exec(head)?.[1];
    if (length !== undefined) {
      this.#left = Number(length);
      this.#part = 'sized';
      if (this.#left === 0) this.#done();
    } else if (/\r\ntransfer-encoding: ?chunked/i.test(head)) {
      this.#part = 'chunk-size';
    } else {
      this.#done();
    }
    return end + END_OF_HEAD.length;
  }

  #takeBody(data: Buffer, whenFull: () => void): number {
    const taken = Math.min(this.#left, data.length);
    this.#kept?.push(data.subarray(0, taken));
    this.#bytes += taken;
    this.#left -= taken;
    if (this.#left === 0) whenFull();
    return taken;
  }

  #takeSize(data: Buffer): number {
    // The end of the chunk before is an empty line.
    const start = data[0] === 0x0d ? 2 : 0;
    const end = data.indexOf('\r\n', start);
    if (end === -1) return 0;
    this.#left = Number.parseInt(data.toString('latin1', start, end), 16);
    this.#part = this.#left === 0 ? 'trailer' : 'chunk';
    return end + 2;
  }

  #takeTrailer(data: Buffer): number {
    const end = data.indexOf('\r\n');
    if (end === -1) return 0;
    this.#done();
    return end + 2;
  }

  #done(): void {
    this.#part = 'head';
    const onAnswer = this.#onAnswer;
    this.#onAnswer = undefined;
    const body = this.#kept && Buffer.concat(this.#kept).toString();
    onAnswer?.({ status: this.#status, bytes: this.#bytes, head: this.#head, body });
  }
}
