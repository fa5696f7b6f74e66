// `pnpm run profile call|list|sync|memory [--out FOLDER] [--seconds N] [--in-flight N] [--era modern|legacy] [--result BYTES]
// [--arguments BYTES]`: writes a CPU profile of the gateway's process at work, a flame graph of it, and prints where the time went.
import { mkdir, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { listPlace } from './lib/call-rows.ts';
import { FIRST_PREFIX } from './lib/connectors.ts';
import { profileCosts, readProfile, type ProfileFrame } from '../src/proof/cpu-profile.ts';
import { flameGraph } from '../src/proof/flame-graph.ts';
import { connectorsOf } from './lib/measure-pass.ts';
import { callTemplate, payloadJson, toolNameFor, type WireEra } from './lib/message-bytes.ts';
import { startRawLoad, type RawLoad } from './lib/raw-load.ts';
import { startRawServers } from './lib/raw-server.ts';
import type { HeapReport } from './lib/sample-heap.ts';
import { startSubject, type NodeSubject } from './lib/subject.ts';

const MODES = ['call', 'list', 'sync', 'memory'] as const;
type Mode = (typeof MODES)[number];
const WARM_UP_MS = 3_000;
const SHOWN_COSTS = 40;
const TOP_SITES = 20;
const SYNC_CONNECTORS = 100;

const { values, positionals } = parseArgs({
  options: {
    out: { type: 'string', default: 'bench-profiles' },
    seconds: { type: 'string', default: '5' },
    'in-flight': { type: 'string', default: '32' },
    era: { type: 'string', default: 'modern' },
    result: { type: 'string', default: '512' },
    arguments: { type: 'string', default: '200' },
  },
  allowPositionals: true,
});

/** What a profile was taken of, and over how many operations. */
interface Taken {
  readonly file: string;
  readonly operations: number;
  readonly what: string;
}

/** A gateway under load that has run for a while. */
interface Serving extends AsyncDisposable {
  readonly ours: NodeSubject;
  readonly load: RawLoad;
  readonly what: string;
}

async function startServing(mode: 'call' | 'list'): Promise<Serving> {
  const era: WireEra = values.era === 'legacy' ? 'legacy' : 'modern';
  const inFlight = Number(values['in-flight']);
  const listed = mode === 'list' ? 999 : 9;
  const tool = toolNameFor(Number(values.result), 'string');
  const stack = new AsyncDisposableStack();
  const servers = stack.use(await startRawServers({ era, count: 1, tools: [tool], listed }));
  const connectors = connectorsOf(servers.urls);
  const options = { kind: 'ours', connectors, settings: {} } as const;
  const ours = stack.use(await startSubject(options, ['--expose-gc']));
  const load = stack.use(startRawLoad());
  const args = payloadJson(Number(values.arguments), 'string');
  const requests = [callTemplate(era, `${FIRST_PREFIX}${tool}`, args)];
  const session = era === 'legacy';
  await load.open(
    mode === 'list'
      ? listPlace(era, ours.url, inFlight)
      : { url: ours.url, requests, session, connections: inFlight, minBytes: 400 },
  );
  await load.run(WARM_UP_MS);
  return {
    ours,
    load,
    what: `${mode}, ${era}, ${inFlight} in flight, ${values.arguments} bytes to ${values.result}`,
    [Symbol.asyncDispose]: async () => await stack.disposeAsync(),
  };
}

async function takeServing(mode: 'call' | 'list', file: string): Promise<Taken> {
  await using serving = await startServing(mode);
  const { ours, load, what } = serving;
  const end = await ours.profile();
  const { calls } = await load.run(Number(values.seconds) * 1_000);
  await end(file);
  await load.close();
  return { file, operations: calls, what: `${calls} of ${what}` };
}

/** The first pass of a service in a fresh process, which is what a start pays. */
async function takeSync(file: string): Promise<Taken> {
  await using servers = await startRawServers({
    era: 'modern',
    count: SYNC_CONNECTORS,
    tools: ['r512'],
    listed: 9,
  });
  const connectors = connectorsOf(servers.urls);
  await using ours = await startSubject({
    kind: 'ours',
    connectors,
    settings: {},
    profileTo: file,
  });
  return {
    file,
    operations: SYNC_CONNECTORS,
    what: `a first pass of ${SYNC_CONNECTORS} connectors at ${ours.url}`,
  };
}

function printCosts(root: ProfileFrame, { operations, what }: Taken): void {
  console.log(`${what}; µs for each, sampled, as the clock runs\n`);
  console.log('    self    total');
  for (const { name, place, self, total } of profileCosts(root).slice(0, SHOWN_COSTS)) {
    const cell = (us: number): string => (us / operations).toFixed(2).padStart(8);
    console.log(`${cell(self)} ${cell(total)}  ${name}  ${place}`);
  }
}

const MB = 1_048_576;

function printHeap(title: string, { sites, spaces }: HeapReport, operations: number): void {
  const total = sites.reduce((sum, { bytes }) => sum + bytes, 0);
  console.log(`${title}: ${(total / operations).toFixed(0)} bytes for each of ${operations} calls`);
  for (const { name, place, bytes } of sites.slice(0, TOP_SITES)) {
    console.log(`${(bytes / operations).toFixed(0).padStart(8)}  ${name}  ${place}`);
  }
  console.log('\nheap, MB used of MB committed (what is between them is fragmentation or room):');
  for (const { name, usedBytes, committedBytes } of spaces) {
    const [used, committed] = [usedBytes, committedBytes].map((one) => (one / MB).toFixed(1));
    console.log(`${String(used).padStart(8)} of ${String(committed).padStart(6)}  ${name}`);
  }
  console.log('');
}

/** Who allocates, who keeps, how full the heap's spaces are, and whether memory outside of the heap grows (S3-11 to S3-13). */
async function profileMemory(): Promise<void> {
  await using rig = await startServing('call');
  const { ours, load } = rig;
  for (const all of [true, false]) {
    const end = await ours.sampleHeap(all);
    const before = await ours.settledUsage();
    const { calls } = await load.run(Number(values.seconds) * 1_000);
    const after = await ours.settledUsage();
    printHeap(all ? 'allocated' : 'allocated and still there', await end(), calls);
    const grown = (key: 'externalBytes' | 'heapBytes' | 'rssBytes'): string =>
      `${((after[key] - before[key]) / 1_024).toFixed(0)} KB`;
    console.log(
      `grown over ${calls} calls, garbage collected before and after: heap ${grown('heapBytes')}, outside of it ` +
        `${grown('externalBytes')}, RSS ${grown('rssBytes')}\n`,
    );
  }
  await load.close();
}

async function profile(mode: Exclude<Mode, 'memory'>): Promise<void> {
  await mkdir(values.out, { recursive: true });
  const file = resolve(values.out, `${mode}.cpuprofile`);
  const taken = mode === 'sync' ? await takeSync(file) : await takeServing(mode, file);
  const root = await readProfile(file);
  const picture = file.replace(/cpuprofile$/, 'svg');
  await writeFile(picture, flameGraph(root, taken.what));
  printCosts(root, taken);
  console.log(`\n${file}\n${picture}`);
}

const [chosen] = positionals;
const mode = MODES.find((one) => one === chosen);
if (mode === undefined) {
  console.error(`profile what? One of ${MODES.join(', ')}`);
  process.exitCode = 2;
} else if (mode === 'memory') {
  await profileMemory();
} else {
  await profile(mode);
}
