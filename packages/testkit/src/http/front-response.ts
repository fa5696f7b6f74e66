import { ServerResponse } from 'node:http';

/** Takes what the real server writes and decides what the client gets. */
export interface BodyShape {
  /**
   * `pass`: the head goes out as the real server writes it. `hold`: it only fills `statusCode` and the headers, which
   * may then still be changed and go out with the first {@link FrontResponse.sendRaw} or {@link FrontResponse.endRaw}.
   */
  readonly head: 'pass' | 'hold';
  write(chunk: Buffer): void;
  end(): void;
}

function toBuffer(chunk: unknown): Buffer {
  if (typeof chunk === 'string') return Buffer.from(chunk);
  if (chunk instanceof Uint8Array) return Buffer.from(chunk);
  return Buffer.alloc(0);
}

type Head = Readonly<Record<string, string | string[] | number | undefined>>;

function isHead(value: unknown): value is Head {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A response whose body can be bent on its way out, so that the real server needs no knowledge of faults. */
export class FrontResponse extends ServerResponse {
  #shape: BodyShape | undefined;

  /** From here on, everything the real server writes goes to the shape. */
  shapeWith(shape: BodyShape): void {
    this.#shape = shape;
  }

  /** Writes past the shape. */
  sendRaw(chunk: string | Uint8Array, done?: () => void): boolean {
    this.#releaseHead();
    return super.write(chunk, () => done?.());
  }

  /** Ends past the shape. */
  endRaw(chunk: string | Uint8Array = ''): void {
    this.#releaseHead();
    super.end(chunk);
  }

  // Node's implicit head comes back through `writeHead`, which holds it.
  #releaseHead(): void {
    if (!this.headersSent) super.writeHead(this.statusCode);
  }

  override writeHead(statusCode: number, ...rest: unknown[]): this {
    const head = rest.findLast((value) => isHead(value)) ?? {};
    if (this.#shape?.head !== 'hold') return super.writeHead(statusCode, { ...head });
    this.statusCode = statusCode;
    for (const [name, value] of Object.entries(head)) {
      if (value !== undefined) this.setHeader(name, value);
    }
    return this;
  }

  override flushHeaders(): void {
    if (this.#shape?.head !== 'hold') super.flushHeaders();
  }

  override write(chunk: unknown, ...rest: unknown[]): boolean {
    const done = rest.findLast((value) => typeof value === 'function');
    if (this.#shape === undefined) return super.write(chunk, () => done?.());
    this.#shape.write(toBuffer(chunk));
    done?.();
    return true;
  }

  override end(...rest: unknown[]): this {
    const [chunk] = rest;
    if (this.#shape === undefined) {
      return typeof chunk === 'function' || chunk === undefined ? super.end() : super.end(chunk);
    }
    if (chunk !== undefined && typeof chunk !== 'function') this.#shape.write(toBuffer(chunk));
    this.#shape.end();
    return this;
  }
}
