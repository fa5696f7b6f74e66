import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { tempFolder } from '@cortex-os/testkit';
import { ACCOUNTED, accountOf, type Held } from './lib/account.ts';
import { keepFleet } from './lib/kept-fleet.ts';
import { buildProgram, freePort, startProgram } from './lib/program.ts';
import {
  readingOf,
  shown,
  type Bench,
  type BenchOptions,
  type BenchResult,
  type Reading,
  type Target,
} from './lib/report.ts';

const CONNECTORS = 100;
const TOOLS_EACH = 10;
/** What docs/operations.md says an idle session and an idle stream may hold, in bytes. */
const SESSION_BYTES = 4_096;
const STREAM_BYTES = 16_384;
const KB = 1_024;
const MB = 1_048_576;
const VERSION = '2025-11-25';
/** Processes of each kind: one may hold pages for a while that another has given back. */
const ROUNDS = 3;
/** The first pass has failed and its sockets are closed by then. */
const SETTLE_MS = 5_000;

const INITIALIZE = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: VERSION,
    capabilities: {},
    clientInfo: { name: 'bench', version: '0' },
  },
});
const INITIALIZED = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' });

/** Legacy clients that do nothing; their requests share one socket, each stream has its own. */
class IdleClients {
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #ids: string[] = [];
  readonly #streams: IncomingMessage[] = [];

  constructor(url: string) {
    this.#url = url;
  }

  async open(count: number): Promise<void> {
    for (let session = 0; session < count; session += 1) {
      const hello = await this.#post(INITIALIZE, {});
      const id = String(hello.headers['mcp-session-id']);
      await this.#post(INITIALIZED, { 'mcp-session-id': id });
      this.#ids.push(id);
    }
  }

  /** Opens the stream of each session that has none. */
  async listen(): Promise<void> {
    for (const id of this.#ids.slice(this.#streams.length)) {
      const headers = {
        accept: 'text/event-stream',
        'mcp-session-id': id,
        'mcp-protocol-version': VERSION,
      };
      const sent = request(this.#url, { headers, agent: false }).end();
      const [stream] = (await once(sent, 'response')) as [IncomingMessage];
      stream.on('error', () => undefined);
      this.#streams.push(stream.resume());
    }
  }

  close(): void {
    for (const stream of this.#streams) stream.destroy();
    this.#agent.destroy();
  }

  async #post(body: string, more: Readonly<Record<string, string>>): Promise<IncomingMessage> {
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      accept: 'application/json, text/event-stream',
      ...('mcp-session-id' in more && { 'mcp-protocol-version': VERSION }),
      ...more,
    };
    const sent = request(this.#url, { method: 'POST', headers, agent: this.#agent }).end(body);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    response.resume();
    await once(response, 'end');
    return response;
  }
}

interface Steps {
  readonly empty: Held;
  readonly idle: Held;
  readonly warm: Held;
  readonly sessions: Held;
  readonly streams: Held;
}

/** With a single connector. */
async function emptyProgram(): Promise<Held> {
  await using folder = tempFolder();
  const kept = await keepFleet({
    home: folder.path,
    connectors: 1,
    toolsEach: TOOLS_EACH,
    source: 'file',
  });
  await using program = startProgram({
    ...kept,
    port: await freePort(),
    execArgv: ACCOUNTED,
  });
  const account = accountOf(program);
  await program.listening;
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  return await account.held();
}

async function measure(count: number): Promise<Steps> {
  const empty = await emptyProgram();
  await using folder = tempFolder();
  const kept = await keepFleet({
    home: folder.path,
    connectors: CONNECTORS,
    toolsEach: TOOLS_EACH,
    source: 'file',
  });
  await using program = startProgram({ ...kept, port: await freePort(), execArgv: ACCOUNTED });
  const account = accountOf(program);
  await program.listening;
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const idle = await account.held();
  const clients = new IdleClients(program.url);
  try {
    // The first ones bring code and pools that the others share.
    await clients.open(count / 4);
    await clients.listen();
    const warm = await account.held();
    await clients.open(count);
    const sessions = await account.held();
    await clients.listen();
    const streams = await account.held();
    return { empty, idle, warm, sessions, streams };
  } finally {
    clients.close();
  }
}

/** One figure of all rounds. */
type Of = (what: (steps: Steps) => number) => Reading;

const FIGURES = ['rssBytes', 'heapBytes', 'externalBytes', 'youngBytes'] as const;

interface Line {
  readonly what: string;
  readonly unit: number;
  readonly digits: number;
  /** What one figure came to. */
  readonly read: (figure: keyof Held) => Reading;
  /** Those that say something. */
  readonly figures: readonly (keyof Held)[];
}

function linesOf(of: Of, count: number): Readonly<Record<keyof typeof WHAT, Line>> {
  const whole = { unit: MB, digits: 0, figures: FIGURES };
  const each = { unit: KB, digits: 1, figures: FIGURES.slice(0, 3) };
  return {
    empty: { ...whole, what: WHAT.empty, read: (key) => of(({ empty }) => empty[key]) },
    idle: { ...whole, what: WHAT.idle, read: (key) => of(({ idle }) => idle[key]) },
    connector: {
      ...each,
      what: WHAT.connector,
      figures: ['heapBytes', 'externalBytes'],
      read: (key) => of(({ idle, empty }) => (idle[key] - empty[key]) / (CONNECTORS - 1)),
    },
    session: {
      ...each,
      what: WHAT.session,
      read: (key) => of(({ sessions, warm }) => (sessions[key] - warm[key]) / count),
    },
    stream: {
      ...each,
      what: WHAT.stream,
      read: (key) => of(({ streams, sessions }) => (streams[key] - sessions[key]) / count),
    },
  };
}

const WHAT = {
  empty: 'process with 1 connector, MB',
  idle: `process with ${CONNECTORS} connectors, idle, MB`,
  connector: 'each connector, KB',
  session: 'each idle legacy session, KB',
  stream: 'each idle stream, KB',
} as const;

function scaled({ median, min, max, ...rest }: Reading, unit: number): Reading {
  return { ...rest, median: median / unit, min: min / unit, max: max / unit };
}

function rowOf({ what, unit, digits, read, figures }: Line): readonly string[] {
  const cell = (figure: keyof Held): string =>
    figures.includes(figure) ? shown(scaled(read(figure), unit), digits) : '';
  return [what, ...FIGURES.map(cell)];
}

function limitOf({ what, read }: Line, maxBytes: number): Target {
  const { median } = read('rssBytes');
  return {
    what: what.replace('each', 'an').replace(', KB', ''),
    wanted: `≤ ${(maxBytes / KB).toFixed(1)} KB`,
    measured: `${(median / KB).toFixed(1)} KB`,
    met: median <= maxBytes,
  };
}

async function run({ quick }: BenchOptions): Promise<BenchResult> {
  buildProgram();
  const count = quick ? 100 : 2_000;
  const rounds: Steps[] = [];
  for (let round = 0; round < (quick ? 1 : ROUNDS); round += 1) rounds.push(await measure(count));
  const lines = linesOf((what) => readingOf(rounds.map(what), 'B'), count);
  const { empty, idle, connector, session, stream } = lines;
  return {
    method:
      `The built program after collecting garbage, by its own accounting: ${CONNECTORS} connectors of ${TOOLS_EACH} tools ` +
      `whose servers are gone, then ${count / 4} legacy sessions with streams, then ${count} more sessions, then their ` +
      `streams; median (lowest–highest) of ${rounds.length} processes.`,
    tables: [
      {
        title: 'memory',
        headings: ['what', 'RSS', 'heap', 'external', 'of RSS kept for new objects'],
        rows: Object.values(lines).map(rowOf),
      },
    ],
    targets: [limitOf(session, SESSION_BYTES), limitOf(stream, STREAM_BYTES)],
    readings: {
      idleRssBytes: idle.read('rssBytes'),
      idleHeapBytes: idle.read('heapBytes'),
      emptyRssBytes: empty.read('rssBytes'),
      connectorHeapBytes: connector.read('heapBytes'),
      sessionRssBytes: session.read('rssBytes'),
      sessionHeapBytes: session.read('heapBytes'),
      streamRssBytes: stream.read('rssBytes'),
      streamHeapBytes: stream.read('heapBytes'),
    },
  };
}

/** What the program holds while nothing happens (docs/operations.md, bounds). */
export const memory: Bench = { name: 'memory', run };
