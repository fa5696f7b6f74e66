import { tempFolder } from '@cortex-os/testkit';
import { startFleetProcess, type FleetProcess } from './lib/fleet-process.ts';
import { waitForQuiet } from './lib/machine-load.ts';
import {
  coldPass,
  connectorsOf,
  keepCode,
  OFF_PATH,
  quietColdPass,
  quietOnly,
  startPassProcess,
  type MeasuredPass,
  type PassOptions,
  type QuietPasses,
} from './lib/measure-pass.ts';
import {
  readingOf,
  shown,
  type Bench,
  type BenchResult,
  type Reading,
  type Target,
} from './lib/report.ts';

const CONNECTORS = 100;
const LATENCY_MS = 50;
/** On rounds before and after each off round. */
const ON_ROUNDS = 5;
/** The same where the handshake of a connection takes as long as an answer. */
const FAR_ON_ROUNDS = 3;
/** Round trips are counted at so few that none is held up for longer than the latency by the work on the others. */
const COUNTED = 10;
const COUNTED_ROUNDS = 3;
const SAVED_PERCENT = 97;
const STALL_MS = 50;
// Legacy, 3 are the question for the era, initialize, and the lists beside initialized (decisions 0014 and 0032); where the era
// is known, initialize, initialized, and the lists.
const ERAS = [
  {
    era: 'modern',
    kind: 'modern-http',
    offRounds: 2,
    coldTrips: 2,
    knownTrips: 1,
    settings: { backgroundRefresh: true },
  },
  {
    era: 'legacy',
    kind: 'legacy-http-session',
    offRounds: 1,
    coldTrips: 3,
    knownTrips: 3,
    // Only a service that looks at lists again asks for them before the handshake is over.
    settings: { backgroundRefresh: true },
  },
] as const;
type Era = (typeof ERAS)[number];

interface EraFigures {
  readonly on: QuietPasses;
  readonly off: QuietPasses;
  /** A second pass of a running service. */
  readonly again: QuietPasses;
  /** The first pass of a service that kept its manifests. */
  readonly restarted: QuietPasses;
  /** The first pass of a service that is told the era. */
  readonly pinned: QuietPasses;
  /** As `on` and `off`, at servers as far away as in `reference/performance.md` §5: a handshake takes a round trip, too. */
  readonly farOn: QuietPasses;
  readonly farOff: QuietPasses;
  readonly trips: Trips;
}

/** Round trips of `COUNTED` servers; the median of the rounds. */
interface Trips {
  readonly cold: number;
  readonly again: number;
  readonly restarted: number;
  readonly pinned: number;
}

/** The pass of a service that was started once before and has its manifests on disk. */
async function restartedPass(options: PassOptions): Promise<MeasuredPass> {
  await using folder = tempFolder();
  const kept = { ...options, settings: { ...options.settings, manifestFolder: folder.path } };
  await coldPass(kept);
  return await coldPass(kept);
}

const tellEra = (connectors: PassOptions['connectors'], { era }: Era): PassOptions['connectors'] =>
  connectors.map((connector) => Object.assign({}, connector, { era }));

async function countTrips(era: Era, fleet: FleetProcess): Promise<Trips> {
  const connectors = connectorsOf(fleet.urls.slice(0, COUNTED));
  const { settings } = era;
  const seen = { cold: [], again: [], restarted: [], pinned: [] } as Record<keyof Trips, number[]>;
  for (let round = 0; round < COUNTED_ROUNDS; round += 1) {
    {
      // Gone before the next: it would look at the lists again meanwhile.
      await using pass = startPassProcess({ fleet, connectors, settings });
      seen.cold.push((await pass.run()).roundTrips);
      seen.again.push((await pass.run()).roundTrips);
    }
    seen.restarted.push((await restartedPass({ fleet, connectors, settings })).roundTrips);
    const told = { fleet, connectors: tellEra(connectors, era), settings };
    seen.pinned.push((await coldPass(told)).roundTrips);
  }
  const medianTrips = (name: keyof Trips): number => readingOf(seen[name], '').median;
  return {
    cold: medianTrips('cold'),
    again: medianTrips('again'),
    restarted: medianTrips('restarted'),
    pinned: medianTrips('pinned'),
  };
}

const fleetOf = async ({ kind }: Era, handshakeMs: number): Promise<FleetProcess> =>
  await startFleetProcess([
    { kind, count: CONNECTORS, latencyMs: LATENCY_MS, handshakeMs, toolCount: 2, ttlMs: 300_000 },
  ]);

/** All of them count: too few to leave any out, or so long that a machine's moods are lost in them. */
const allOf = (passes: readonly MeasuredPass[]): QuietPasses => ({
  passes,
  thrownOut: 0,
});

async function measureFar(era: Era): Promise<Pick<EraFigures, 'farOn' | 'farOff'>> {
  await using fleet = await fleetOf(era, LATENCY_MS);
  const connectors = connectorsOf(fleet.urls);
  const { settings } = era;
  await coldPass({ fleet, connectors });
  const on: MeasuredPass[] = [];
  for (let round = 0; round < FAR_ON_ROUNDS; round += 1) {
    on.push(await quietColdPass({ fleet, connectors, settings }));
  }
  const off = await coldPass({ fleet, connectors, settings: OFF_PATH });
  for (let round = 0; round < FAR_ON_ROUNDS; round += 1) {
    on.push(await quietColdPass({ fleet, connectors, settings }));
  }
  return { farOn: quietOnly(on), farOff: allOf([off]) };
}

async function measureEra(measured: Era): Promise<EraFigures> {
  const { offRounds, settings } = measured;
  await using fleet = await fleetOf(measured, 0);
  const connectors = connectorsOf(fleet.urls);
  // The servers are compiled by then.
  await coldPass({ fleet, connectors });
  const on: MeasuredPass[] = [];
  const off: MeasuredPass[] = [];
  const again: MeasuredPass[] = [];
  for (let round = 0; round < (offRounds + 1) * ON_ROUNDS; round += 1) {
    if (round % ON_ROUNDS === 0 && round > 0) {
      off.push(await coldPass({ fleet, connectors, settings: OFF_PATH }));
    }
    await using pass = startPassProcess({ fleet, connectors, settings });
    await waitForQuiet(700);
    on.push(await pass.run());
    again.push(await pass.run());
  }
  const restarted = [await restartedPass({ fleet, connectors, settings })];
  const told = tellEra(connectors, measured);
  const pinned = [await coldPass({ fleet, connectors: told, settings })];
  return {
    on: quietOnly(on),
    again: quietOnly(again),
    off: allOf(off),
    restarted: allOf(restarted),
    pinned: allOf(pinned),
    trips: await countTrips(measured, fleet),
    ...(await measureFar(measured)),
  };
}

const COLUMNS = [
  ['wallMs', 'ms'],
  ['cpuMs', 'ms'],
  ['stallMs', 'ms'],
  ['turnCpuMs', 'ms'],
  ['requests', ''],
  ['connections', ''],
  ['roundTrips', ''],
  ['foreignCores', 'cores'],
] as const;

const PATHS = ['on', 'off', 'again', 'restarted', 'pinned', 'farOn', 'farOff'] as const;
/** What each is compared with. */
const OFF_OF = { farOn: 'farOff', on: 'off' } as const;

/** The readings of one path, by column. */
function readAll({ passes }: QuietPasses): ReadonlyMap<string, Reading> {
  return new Map(
    COLUMNS.map(([key, unit]) => {
      const values = passes.map((pass) => pass[key]);
      return [key, readingOf(values, unit)];
    }),
  );
}

const medianOf = (path: QuietPasses, key: (typeof COLUMNS)[number][0]): number =>
  readAll(path).get(key)?.median ?? Number.NaN;
const savedPercent = (on: QuietPasses, off: QuietPasses): number =>
  100 * (1 - medianOf(on, 'wallMs') / medianOf(off, 'wallMs'));

function tripsTarget(what: string, trips: number, wanted: number): Target {
  return { what, wanted: `≤ ${wanted}`, measured: String(trips), met: trips <= wanted };
}

function targetsOf({ era, coldTrips, knownTrips }: Era, figures: EraFigures): readonly Target[] {
  const { on, farOn, farOff, trips } = figures;
  const saved = savedPercent(farOn, farOff);
  const stall = medianOf(on, 'stallMs');
  const turn = readAll(on).get('turnCpuMs')?.max ?? Number.NaN;
  return [
    {
      what: `${era}: less wall time than the off path, handshakes included (S4-01, S4-41)`,
      wanted: `≥ ${SAVED_PERCENT} %`,
      measured: `${saved.toFixed(2)} %`,
      met: saved >= SAVED_PERCENT,
    },
    tripsTarget(`${era}: round trips, nothing known`, trips.cold, coldTrips),
    tripsTarget(`${era}: round trips after a restart, manifests kept`, trips.restarted, coldTrips),
    tripsTarget(`${era}: round trips, verdict remembered`, trips.again, knownTrips),
    ...(era === 'legacy'
      ? [tripsTarget('legacy: round trips, era told', trips.pinned, knownTrips)]
      : []),
    {
      what: `${era}: longest stall of the event loop`,
      wanted: `≤ ${STALL_MS} ms`,
      measured: `${stall.toFixed(0)} ms`,
      met: stall <= STALL_MS,
    },
    {
      what: `${era}: most processor time of a turn of the event loop, longest of all rounds`,
      wanted: `≤ ${STALL_MS} ms`,
      measured: `${turn.toFixed(0)} ms`,
      met: turn <= STALL_MS,
    },
  ];
}

async function run(): Promise<BenchResult> {
  const rows: (readonly string[])[] = [];
  const targets: Target[] = [];
  const readings: Record<string, Reading> = {};
  await keepCode();
  for (const era of ERAS) {
    const figures = await measureEra(era);
    for (const name of PATHS) {
      const path = figures[name];
      const all = readAll(path);
      for (const [key, reading] of all) readings[`${era.era}.${name}.${key}`] = reading;
      rows.push([
        `${era.era} ${name}`,
        ...[...all].map(([key, reading]) => shown(reading, key === 'foreignCores' ? 1 : 0)),
        `${path.passes.length} of ${path.passes.length + path.thrownOut}`,
        name === 'on' || name === 'farOn'
          ? `${savedPercent(path, figures[OFF_OF[name]]).toFixed(2)} %`
          : '',
      ]);
    }
    targets.push(...targetsOf(era, figures));
  }
  const headings =
    'path,wall ms,cpu ms,stall ms,cpu of a turn,requests,connections,round trips,foreign cores,rounds,saved';
  return {
    method:
      `${CONNECTORS} HTTP servers with ${LATENCY_MS} ms before each answer in one process; each pass of the service ` +
      'in a fresh process with the compiled code that an earlier start kept, from the first connect to the complete catalog, loading the HTTP client included; on and off rounds interleaved; median ' +
      '(lowest–highest). Off is sequential, unshared and uncached. "again" is a second forced pass of the same ' +
      'service, "restarted" the first pass of one that kept its manifests, "pinned" of one whose configuration names the ' +
      `era. At "far" servers each connection's handshake takes ${LATENCY_MS} ms as well, as over a network and as in the ` +
      'measurement the limit was taken from; elsewhere connections cost nothing. On rounds during which others took more ' +
      'than 0.3 cores are thrown out, but for the three least disturbed. "cpu of a turn" is the most processor time a turn of ' +
      'the event loop took: a stall without what others took of the processor. A request that leaves with others and is held up for ' +
      'longer than the latency counts as one after them, so that the table shows more round trips than there are; the ' +
      `targets are held against passes over ${COUNTED} of the servers, median of ${COUNTED_ROUNDS}.`,
    tables: [{ title: 'cold sync', headings: headings.split(','), rows }],
    targets,
    readings,
  };
}

/** Cold start of a hundred connectors against the path before this work (S4-01). */
export const syncCold: Bench = { name: 'sync-cold', run };
