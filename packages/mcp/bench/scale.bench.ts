import { listPlace } from './lib/call-rows.ts';
import { compareLoad, type Candidate, type LoadRound } from './lib/compare-load.ts';
import { FIRST_PREFIX } from './lib/connectors.ts';
import { loadTable, ratioTarget } from './lib/load-table.ts';
import { connectorsOf } from './lib/measure-pass.ts';
import { callTemplate, payloadJson } from './lib/message-bytes.ts';
import { PINNING } from './lib/pin.ts';
import { startRawLoad } from './lib/raw-load.ts';
import { startRawServers } from './lib/raw-server.ts';
import type { Bench, BenchOptions, BenchResult } from './lib/report.ts';
import { startSubject } from './lib/subject.ts';

/** Connectors, and tools of each. */
const SHAPES = [
  [1, 10],
  [10, 10],
  [100, 10],
  [1_000, 10],
  [10, 100],
  [10, 1_000],
] as const;
const QUICK_SHAPES = [
  [1, 2],
  [3, 2],
] as const;
const IN_FLIGHT = 32;
const ROW = 'calls of one connector';

const shapeName = (connectors: number, tools: number): string =>
  `${connectors} connectors, ${connectors * tools} tools`;

interface Pace {
  /** Times that all processes are started anew. */
  readonly starts: number;
  readonly rounds: number;
  readonly durationMs: number;
  readonly warmUpMs: number;
}
/** Two processes that do the same differ by a twentieth for as long as they live: some of each shape, or it is chance that is measured. */
const PACE: Pace = { starts: 4, rounds: 12, durationMs: 200, warmUpMs: 3_000 };
const QUICK_PACE: Pace = { starts: 1, rounds: 1, durationMs: 60, warmUpMs: 0 };

/** A gateway for each shape, in turn under the same load. */
async function measureOnce(
  shapes: typeof SHAPES | typeof QUICK_SHAPES,
  { rounds, durationMs, warmUpMs }: Pace,
): Promise<ReadonlyMap<string, readonly LoadRound[]>> {
  await using stack = new AsyncDisposableStack();
  const load = stack.use(startRawLoad());
  const candidates: Candidate[] = [];
  const helpers: number[] = [];
  for (const [count, tools] of shapes) {
    const options = { era: 'modern', count, tools: ['r512'], listed: tools - 1 } as const;
    const servers = stack.use(await startRawServers(options));
    helpers.push(servers.pid);
    const connectors = connectorsOf(servers.urls);
    const subject = stack.use(await startSubject({ kind: 'ours', connectors, settings: {} }));
    // All of them are there, or names would be looked up in a smaller catalog.
    await load.open(listPlace('modern', subject.url, 1));
    await load.close();
    const call = callTemplate('modern', `${FIRST_PREFIX}r512`, payloadJson(200, 'string'));
    const place = {
      url: subject.url,
      requests: [call],
      session: false,
      connections: IN_FLIGHT,
      minBytes: 400,
    };
    candidates.push({ name: shapeName(count, tools), subject, place });
  }
  return await compareLoad({ load, candidates, helpers, rounds, durationMs, warmUpMs });
}

async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const shapes = quick ? QUICK_SHAPES : SHAPES;
  const pace = quick ? QUICK_PACE : PACE;
  const names = shapes.map(([count, tools]) => shapeName(count, tools));
  const rounds = new Map<string, LoadRound[]>(names.map((name) => [name, []]));
  for (let start = 0; start < pace.starts; start += 1) {
    const found = await measureOnce(shapes, pace);
    for (const [name, some] of found) rounds.get(name)?.push(...some);
  }
  const [[connectors, tools]] = shapes;
  const reference = shapeName(connectors, tools);
  const { table, readings, paired } = loadTable('scale', [{ name: ROW, rounds }], reference);
  // Against the smallest, round by round: a machine's moods are longer than a round.
  const costs = names.map((name) => paired(ROW, 'cpuUs', [name, reference]));
  return {
    method:
      `tools/call of the first connector, ${IN_FLIGHT} in flight, modern, 0.5 KB; a gateway for each shape, in turn ` +
      `as in \`call\` (${PINNING}). All of them started ${PACE.starts} times, ${PACE.rounds} rounds each. ` +
      'The limit holds for the medians of the ratios to the smallest, round by round.',
    tables: [table],
    targets: ratioTarget(
      'cpu per call, the dearest shape against the cheapest',
      Math.max(...costs) / Math.min(...costs),
      { atMost: 1.1 },
    ),
    readings,
  };
}

/** Whether a call costs the same however much else is connected. */
export const scale: Bench = { name: 'scale', run };
