import { waitUntil } from '@cortex-os/testkit';
import { Agent, request } from 'undici';
import { modernBody, modernHeaders } from '../gateway/raw-client.ts';
import { startGateway } from './gateway-fixture.ts';
import { answerCall, startPathServer } from './path-server.ts';

const CONNECTORS = 20;
/** Its places and its queue. */
const HUNG_CALLS = 96;

export interface HungOptions {
  readonly rounds: number;
  /** To the other connectors, in each part of a round. */
  readonly callsPerRound: number;
  readonly listsPerRound: number;
}

interface Figures {
  readonly p50: number;
  readonly p99: number;
}

interface Parts {
  /** Milliseconds while no call hangs, while one connector has all its calls hanging, and when that is over. */
  readonly wellMs: Figures;
  readonly hungMs: Figures;
  readonly againMs: Figures;
}

export interface HungFigures {
  readonly calls: Parts;
  readonly lists: Parts;
  /** Calls of the others without an answer. */
  readonly failures: number;
}

function figuresOf(samples: readonly number[]): Figures {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? NaN;
  return { p50: at(0.5), p99: at(0.99) };
}

/** Twenty connectors, one of which hangs in the middle of each round; the parts of a round are measured alike. */
export async function measureHungConnector(options: HungOptions): Promise<HungFigures> {
  await using server = await startPathServer((path, seen, response) => {
    if (path !== '/c0') answerCall(seen, response);
  });
  const ids = Array.from({ length: CONNECTORS }, (_, index) => `c${index}`);
  // Calls that wait are part of what must not be noticed.
  const hangs = { bulkhead: { queueTimeoutMs: 60_000 } };
  await using gateway = await startGateway(
    ids.map((id) => server.connector(id, id === 'c0' ? hangs : {})),
  );
  await gateway.service.manager.sync();
  const agent = new Agent();
  let failures = 0;
  const send = async (method: string, params: object, signal?: AbortSignal): Promise<number> => {
    const name = 'name' in params ? String(params.name) : undefined;
    const startedAtMs = performance.now();
    const answer = await request(gateway.url(), {
      method: 'POST',
      dispatcher: agent,
      signal: signal ?? null,
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...modernHeaders(method, name),
      },
      body: modernBody(method, { ...params }),
    });
    const text = await answer.body.text();
    const tookMs = performance.now() - startedAtMs;
    if (text.includes('"error"')) failures += 1;
    return tookMs;
  };
  const part = async (calls: number[], lists: number[]): Promise<void> => {
    for (let n = 0; n < options.callsPerRound; n += 1) {
      const id = ids[1 + (n % (CONNECTORS - 1))];
      calls.push(await send('tools/call', { name: `${id}__echo`, arguments: {} }));
    }
    for (let n = 0; n < options.listsPerRound; n += 1) lists.push(await send('tools/list', {}));
  };
  const queued = (): number | undefined =>
    gateway.service.manager.listConnectors().find(({ id }) => id === 'c0')?.calls?.queued;
  const samples = {
    well: [[], []],
    hung: [[], []],
    again: [[], []],
  } as Record<'well' | 'hung' | 'again', number[][]>;
  // Compiled and connected before anything is measured.
  await part([], []);
  for (let round = 0; round < options.rounds; round += 1) {
    await part(samples.well[0] ?? [], samples.well[1] ?? []);
    const gone = new AbortController();
    const hung = Array.from({ length: HUNG_CALLS }, async () => {
      await send('tools/call', { name: 'c0__echo', arguments: {} }, gone.signal);
    });
    await waitUntil(() => queued() === 64, { describe: 'one hangs' });
    await part(samples.hung[0] ?? [], samples.hung[1] ?? []);
    gone.abort();
    await Promise.allSettled(hung);
    await waitUntil(() => queued() === 0, { describe: 'none hangs' });
    await part(samples.again[0] ?? [], samples.again[1] ?? []);
  }
  await agent.close();
  const parts = (index: number): Parts => ({
    wellMs: figuresOf(samples.well[index] ?? []),
    hungMs: figuresOf(samples.hung[index] ?? []),
    againMs: figuresOf(samples.again[index] ?? []),
  });
  return { calls: parts(0), lists: parts(1), failures };
}
