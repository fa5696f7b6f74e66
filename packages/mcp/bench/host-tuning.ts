// `node --conditions=cortex-source bench/host-tuning.ts [--of service,connector] [--rounds 5] [--calls 4000] [--json FILE]`:
// what memory tiers, semi-spaces and another allocator do to the built program under load, and to a stdio server behind
// it that gets them by `memory` of its entry. Variants take turns, each with new processes.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { findJemalloc } from '../src/config/find-jemalloc.ts';
import { MEMORY_TIERS } from '../src/config/memory-schema.ts';
import { tunedRound, type Tuned, type TunedRound, type TunedVariant } from './lib/tuned-round.ts';

const CONCURRENCY = 32;
const KEYS = [
  'cpuMsPerCall',
  'callsPerSecond',
  'p50Ms',
  'p99Ms',
  'rssMiB',
  'rssAfterRestMiB',
] as const satisfies readonly (keyof TunedRound)[];

const { values } = parseArgs({
  options: {
    of: { type: 'string', default: 'service,connector' },
    rounds: { type: 'string', default: '5' },
    calls: { type: 'string', default: '4000' },
    bytes: { type: 'string', default: '2048' },
    json: { type: 'string' },
  },
});

function tier(name: 'light' | 'standard' | 'heavy'): TunedVariant {
  const { heapMiB, semiSpaceMiB } = MEMORY_TIERS[name];
  return { name: `tier ${name}`, tier: name, heapMiB, semiSpaceMiB };
}

function variants(): TunedVariant[] {
  const jemalloc = findJemalloc();
  const preloaded = [
    { name: 'jemalloc', jemalloc },
    { name: 'jemalloc, semi-space 64 MiB', jemalloc, semiSpaceMiB: 64 },
  ];
  return [
    { name: 'as it is' },
    tier('light'),
    tier('standard'),
    tier('heavy'),
    ...[1, 16, 64].map((size) => ({ name: `semi-space ${size} MiB`, semiSpaceMiB: size })),
    ...preloaded.flatMap((one) =>
      one.jemalloc === undefined ? [] : [{ ...one, jemalloc: one.jemalloc }],
    ),
  ];
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

/** Rounds to what a reader can use. */
function shown(value: number): number {
  return Number(value.toPrecision(4));
}

type Rounds = ReadonlyMap<string, readonly TunedRound[]>;

function medians(rounds: Rounds): Record<string, Record<string, number>> {
  return Object.fromEntries(
    Array.from(rounds, ([name, all]) => [
      name,
      Object.fromEntries(KEYS.map((key) => [key, shown(median(all.map((one) => one[key])))])),
    ]),
  );
}

/** All variants, one after the other, as often as is asked for. */
async function measure(tuned: Tuned): Promise<Rounds> {
  const all = variants();
  const rounds = new Map<string, TunedRound[]>(all.map(({ name }) => [name, []]));
  const load = {
    calls: Number(values.calls),
    bytes: Number(values.bytes),
    concurrency: CONCURRENCY,
  };
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const variant of all) {
      rounds.get(variant.name)?.push(await tunedRound(tuned, variant, load));
    }
  }
  return rounds;
}

const record: Record<string, object> = {};
for (const tuned of ['service', 'connector'] as const) {
  if (!values.of.split(',').includes(tuned)) continue;
  const rounds = await measure(tuned);
  const found = medians(rounds);
  console.log(tuned);
  console.table(found);
  record[tuned] = { medians: found, rounds: Object.fromEntries(rounds) };
}
if (values.json !== undefined) {
  const measured = { ...values, node: process.version, ...record };
  await writeFile(values.json, `${JSON.stringify(measured, undefined, 2)}\n`);
}
