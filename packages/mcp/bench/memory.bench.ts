import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { tempFolder } from '@cortex-os/testkit';
import { ACCOUNTED, accountOf, type Held } from './lib/account.ts';
import { keepFleet } from './lib/kept-fleet.ts';
import { buildProgram, freePort, startProgram } from './lib/program.ts';
import { readingOf, type Bench, type BenchOptions, type BenchResult } from './lib/report.ts';

const CONNECTORS = 100;
const TOOLS_EACH = 10;
/** What docs/operations.md says an idle session and an idle stream may hold, in bytes. */
const SESSION_BYTES = 4_096;
const STREAM_BYTES = 16_384;
const KB = 1_024;
const MB = 1_048_576;
const VERSION = '2025-11-25';
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

const kb = (bytes: number): string => (bytes / KB).toFixed(1);
const mb = (bytes: number): string => (bytes / MB).toFixed(0);

async function run({ quick }: BenchOptions): Promise<BenchResult> {
  buildProgram();
  const count = quick ? 100 : 2_000;
  const { empty, idle, warm, sessions, streams } = await measure(count);
  const each = (after: Held, before: Held, key: keyof Held): number =>
    (after[key] - before[key]) / count;
  const keys = ['rssBytes', 'heapBytes', 'externalBytes'] as const;
  const whole = [...keys, 'youngBytes'] as const;
  const perConnector = (key: keyof Held): number => (idle[key] - empty[key]) / (CONNECTORS - 1);
  const session = each(sessions, warm, 'rssBytes');
  const stream = each(streams, sessions, 'rssBytes');
  return {
    method:
      `The built program after collecting garbage, by its own accounting: ${CONNECTORS} connectors of ${TOOLS_EACH} tools ` +
      `whose servers are gone, then ${count / 4} legacy sessions with streams, then ${count} more sessions, then their streams.`,
    tables: [
      {
        title: 'memory',
        headings: ['what', 'RSS', 'heap', 'external', 'of RSS kept for new objects'],
        rows: [
          ['process with 1 connector, MB', ...whole.map((key) => mb(empty[key]))],
          [`process with ${CONNECTORS} connectors, idle, MB`, ...whole.map((key) => mb(idle[key]))],
          [
            'each connector, KB',
            '',
            kb(perConnector('heapBytes')),
            kb(perConnector('externalBytes')),
            '',
          ],
          ['each idle legacy session, KB', ...keys.map((key) => kb(each(sessions, warm, key))), ''],
          ['each idle stream, KB', ...keys.map((key) => kb(each(streams, sessions, key))), ''],
        ],
      },
    ],
    targets: [
      {
        what: 'an idle legacy session',
        wanted: `≤ ${kb(SESSION_BYTES)} KB`,
        measured: `${kb(session)} KB`,
        met: session <= SESSION_BYTES,
      },
      {
        what: 'an idle stream',
        wanted: `≤ ${kb(STREAM_BYTES)} KB`,
        measured: `${kb(stream)} KB`,
        met: stream <= STREAM_BYTES,
      },
    ],
    readings: {
      idleRssBytes: readingOf([idle.rssBytes], 'B'),
      idleHeapBytes: readingOf([idle.heapBytes], 'B'),
      emptyRssBytes: readingOf([empty.rssBytes], 'B'),
      connectorHeapBytes: readingOf([perConnector('heapBytes')], 'B'),
      sessionRssBytes: readingOf([session], 'B'),
      sessionHeapBytes: readingOf([each(sessions, warm, 'heapBytes')], 'B'),
      streamRssBytes: readingOf([stream], 'B'),
      streamHeapBytes: readingOf([each(streams, sessions, 'heapBytes')], 'B'),
    },
  };
}

/** What the program holds while nothing happens (docs/operations.md, bounds). */
export const memory: Bench = { name: 'memory', run };
