// The other side of raw-load.ts: closed-loop load on bare sockets, with requests made beforehand.
import { INITIALIZE, requestTemplate, type RequestTemplate } from './message-bytes.ts';
import { RawHttpConnection, type RawAnswer } from './raw-http-connection.ts';
import { RawSseConnection } from './raw-sse-connection.ts';
import type { LoadFigures, LoadPlace, RawLoadAnswer, RawLoadCommand } from './raw-load-protocol.ts';

const ID_DIGITS = 7;
const FIRST_ID = 1_000_000;
/** A request up to this is written in one piece; the body of a larger one is shared by all connections. */
const ONE_PIECE_BYTES = 16_384;
const MAX_LATENCIES = 2_000_000;
const BODY_START = '{"jsonrpc":"2.0","id":';

interface Prepared {
  /** Headers and the start of the body, ready for an id, with the rest when it is small. */
  readonly head: Buffer;
  readonly idAt: number;
  readonly tail: Buffer | undefined;
}

function prepare(template: RequestTemplate, url: URL, session: string | undefined): Prepared {
  const tail = Buffer.from(template.tail);
  const length = BODY_START.length + ID_DIGITS + tail.length;
  const lines = [
    `POST ${url.pathname} HTTP/1.1`,
    `host: ${url.host}`,
    ...template.headers,
    ...(session === undefined ? [] : [`mcp-session-id: ${session}`]),
    `content-length: ${length}`,
  ];
  const start = `${lines.join('\r\n')}\r\n\r\n${BODY_START}`;
  const head = Buffer.from(`${start}${FIRST_ID}`);
  const idAt = start.length;
  if (length > ONE_PIECE_BYTES) return { head, idAt, tail };
  return { head: Buffer.concat([head, tail]), idAt, tail: undefined };
}

let nextId = FIRST_ID;

/** The parts of the request under a fresh id. The head is copied: the one before may still be on its way. */
function partsOf({ head, idAt, tail }: Prepared): readonly Buffer[] {
  const copy = Buffer.from(head);
  nextId = nextId === 9_999_999 ? FIRST_ID : nextId + 1;
  copy.write(String(nextId), idAt, 'latin1');
  return tail === undefined ? [copy] : [copy, tail];
}

interface Run {
  readonly running: () => boolean;
  readonly record: (us: number, good: boolean) => void;
  readonly lastMs: number;
}

/** How long answers may still come when the time is over. */
const GRACE_MS = 3_000;

class Worker {
  readonly #connection: RawHttpConnection | RawSseConnection;
  readonly #requests: readonly Prepared[];
  readonly #minBytes: number;
  /** Ends the session, where there is one. */
  readonly #farewell: Buffer | undefined;
  #next: number;

  private constructor(
    connection: RawHttpConnection | RawSseConnection,
    place: LoadPlace,
    at: number,
    session: string | undefined,
  ) {
    const url = new URL(place.url);
    this.#connection = connection;
    this.#requests = place.requests.map((template) => prepare(template, url, session));
    this.#next = at;
    this.#minBytes = place.minBytes;
    if (session === undefined) return;
    const lines = [
      `DELETE ${url.pathname} HTTP/1.1`,
      `host: ${url.host}`,
      `mcp-session-id: ${session}`,
    ];
    this.#farewell = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
  }

  static async open(place: LoadPlace, at: number): Promise<Worker> {
    const url = new URL(place.url);
    if (place.sse === true) return await Worker.#openSse(place, at);
    const connection = await RawHttpConnection.open(url.hostname, Number(url.port));
    let session: string | undefined;
    if (place.session) {
      const template = requestTemplate({ era: 'legacy', method: 'initialize', params: INITIALIZE });
      const { head } = await connection.ask(partsOf(prepare(template, url, undefined)));
      session = /\r\nmcp-session-id: ?([^\r]*)/i.exec(head)?.[1];
      if (session === undefined) throw new Error(`no session was opened: ${head}`);
    }
    return new Worker(connection, place, at, session);
  }

  static async #openSse(place: LoadPlace, at: number): Promise<Worker> {
    const url = new URL(place.url);
    const connection = await RawSseConnection.open(url);
    const template = requestTemplate({ era: 'legacy', method: 'initialize', params: INITIALIZE });
    await connection.ask(partsOf(prepare(template, url, undefined)));
    return new Worker(connection, place, at, undefined);
  }

  /** One request, whose answer is read. */
  async check(): Promise<void> {
    const given = setTimeout(() => this.#connection.close(new Error('no answer')), GRACE_MS);
    const first = await this.#connection.ask(this.#parts());
    clearTimeout(given);
    const { status, bytes, body = '' } = first;
    if (status !== 200 || bytes < this.#minBytes || !body.includes('"result":')) {
      throw new Error(`the first answer is wrong: ${status} ${body.slice(0, 300)}`);
    }
    if (body.includes('"isError":true')) throw new Error(`an error: ${body.slice(0, 300)}`);
  }

  /**
   * Sends one request after the other until `running` says no. An answer that is not there by `lastMs` counts as
   * failed, with the time it was waited for.
   */
  async run({ running, record, lastMs }: Run): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    let sentAt = 0;
    const given = setTimeout(() => this.#connection.close(new Error('no answer')), lastMs);
    const reject = (): void => {
      record((performance.now() - sentAt) * 1_000, false);
      resolve();
    };
    const answered = ({ status, bytes }: RawAnswer): void => {
      record((performance.now() - sentAt) * 1_000, status === 200 && bytes >= this.#minBytes);
      if (running()) send();
      else resolve();
    };
    const send = (): void => {
      sentAt = performance.now();
      this.#connection.send(this.#parts(), answered, reject);
    };
    send();
    await promise;
    clearTimeout(given);
  }

  async close(): Promise<void> {
    if (this.#farewell !== undefined && this.#connection.open)
      await this.#connection.ask([this.#farewell]);
    this.#connection.close();
  }

  #parts(): readonly Buffer[] {
    const request = this.#requests[this.#next % this.#requests.length];
    this.#next += 1;
    if (request === undefined) throw new Error('there are no requests');
    return partsOf(request);
  }
}

const latencies = new Float64Array(MAX_LATENCIES);
let workers: readonly Worker[] = [];

async function open(place: LoadPlace): Promise<void> {
  // In turn: a crowd at the door is not what is measured.
  const opened: Worker[] = [];
  workers = opened;
  for (let at = 0; at < place.connections; at += 1) opened.push(await Worker.open(place, at));
  await Promise.all(workers.map(async (worker) => await worker.check()));
}

async function run(durationMs: number): Promise<LoadFigures> {
  let calls = 0;
  let failed = 0;
  const record = (us: number, good: boolean): void => {
    if (calls < MAX_LATENCIES) latencies[calls] = us;
    calls += 1;
    if (!good) failed += 1;
  };
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  const endsAt = startedAt + durationMs;
  const lastMs = durationMs + GRACE_MS;
  const running = (): boolean => performance.now() < endsAt;
  await Promise.all(workers.map(async (worker) => await worker.run({ running, record, lastMs })));
  const seconds = (performance.now() - startedAt) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const sorted = latencies.slice(0, Math.min(calls, MAX_LATENCIES)).toSorted();
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? 0;
  return {
    calls,
    failed,
    seconds,
    p50Us: at(0.5),
    p95Us: at(0.95),
    p99Us: at(0.99),
    maxUs: at(1),
    loadCpuUs: (user + system) / Math.max(1, calls),
  };
}

async function answer(command: RawLoadCommand): Promise<RawLoadAnswer> {
  switch (command.kind) {
    case 'open':
      await open(command.place);
      return { kind: 'opened' };
    case 'run':
      return { kind: 'figures', figures: await run(command.durationMs) };
    case 'close':
      await Promise.all(workers.map(async (worker) => await worker.close()));
      workers = [];
      return { kind: 'closed' };
    default:
      throw new TypeError('there is no such command');
  }
}

process.on('message', (command: RawLoadCommand) => {
  void answer(command)
    .catch((error: unknown): RawLoadAnswer => ({ kind: 'failed', why: String(error) }))
    .then((reply) => process.connected && process.send?.(reply));
});
process.on('disconnect', () => process.exit());
