import type { HttpFault } from '@cortex-os/testkit';
import type { ConnectorDefinition } from '../src/connectors/connector.ts';
import { startFleetProcess } from './lib/fleet-process.ts';
import {
  coldPass,
  connectorsOf,
  quietColdPass,
  quietOnly,
  type MeasuredPass,
} from './lib/measure-pass.ts';
import {
  readingOf,
  shown,
  type Bench,
  type BenchOptions,
  type BenchResult,
  type Reading,
} from './lib/report.ts';

const CONNECTORS = 100;
/** Every tenth, so that they stand in the way of all the others and not behind them. */
const BROKEN = Array.from({ length: 10 }, (_, index) => index * 10);
const HEALTHY = CONNECTORS - BROKEN.length;
const LATENCY_MS = 50;
const ROUNDS = 7;
/** Room for the noise of a shared machine; a connector that waits for a hung one takes a second more. */
const TOLERANCE = 1.25;

interface Case {
  readonly name: string;
  readonly faults: readonly HttpFault[];
  /** Whether the broken connectors are configured at all. */
  readonly configured: boolean;
}

const CASES: readonly [Case, ...Case[]] = [
  { name: 'without them', faults: [], configured: false },
  { name: 'hung', faults: [{ kind: 'hang-before-headers' }], configured: true },
  { name: 'refusing', faults: [{ kind: 'tcp-refuse' }], configured: true },
];

async function run({ quick }: BenchOptions): Promise<BenchResult> {
  await using fleet = await startFleetProcess([
    { kind: 'modern-http', count: CONNECTORS, latencyMs: LATENCY_MS, toolCount: 2, ttlMs: 300_000 },
  ]);
  const all = connectorsOf(fleet.urls);
  const healthy = all.filter((_, index) => !BROKEN.includes(index));
  await coldPass({ fleet, connectors: all });
  const passes = new Map<string, MeasuredPass[]>(CASES.map(({ name }) => [name, []]));
  for (let round = 0; round < (quick ? 1 : ROUNDS); round += 1) {
    for (const { name, faults, configured } of CASES) {
      await fleet.setFaults(BROKEN, faults);
      const connectors: readonly ConnectorDefinition[] = configured ? all : healthy;
      const pass = await quietColdPass({ fleet, connectors, served: HEALTHY });
      passes.get(name)?.push(pass);
    }
  }
  const readings: Record<string, Reading> = {};
  const read = (name: string, key: 'wallMs' | 'cpuMs' | 'stallMs'): Reading => {
    const reading = readingOf(
      quietOnly(passes.get(name) ?? []).passes.map((pass) => pass[key]),
      'ms',
    );
    readings[`${name}.${key}`] = reading;
    return reading;
  };
  const [base, ...broken] = CASES;
  const baseMs = read(base.name, 'wallMs').median;
  const rows = CASES.map(({ name }) => [
    name,
    shown(read(name, 'wallMs')),
    (read(name, 'wallMs').median / baseMs).toFixed(2),
    shown(read(name, 'cpuMs')),
    shown(read(name, 'stallMs')),
  ]);
  return {
    method:
      `Time until the ${HEALTHY} healthy of ${CONNECTORS} modern HTTP servers (${LATENCY_MS} ms before each answer) are ` +
      `in the catalog, the ${BROKEN.length} others left out, hung or refusing; fresh process each, cases in turn. ` +
      'Rounds during which others took more than 0.3 cores are thrown out, but for the three least disturbed.',
    tables: [
      {
        title: '10 of 100 broken',
        headings: ['the ten', 'wall ms', 'ratio', 'cpu ms', 'stall ms'],
        rows,
      },
    ],
    targets: broken.map(({ name }) => {
      const ratio = read(name, 'wallMs').median / baseMs;
      return {
        what: `the 90 with 10 ${name}, against the 90 alone`,
        wanted: `≤ ${TOLERANCE} × (noise)`,
        measured: `${ratio.toFixed(2)} ×`,
        met: ratio <= TOLERANCE,
      };
    }),
    readings,
  };
}

/** Ten broken connectors must not slow down the other ninety. */
export const syncFaults: Bench = { name: 'sync-faults', run };
