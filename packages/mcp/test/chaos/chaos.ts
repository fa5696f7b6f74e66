import { spawnSync } from 'node:child_process';
import { processTree, waitUntil } from '@cortex-os/testkit';
import { ChaosClient, OPEN_MS, type ClientOptions } from './clients.ts';
import { Findings } from './findings.ts';
import { seeded, type Seeded } from './seeded.ts';
import { createWorld, HTTP_FAULTS, type Member, type World } from './world.ts';
import { ChaosWriter } from './writers.ts';

export interface ChaosOptions {
  readonly seed: number;
  /** How long things are broken. */
  readonly durationMs: number;
  readonly clients: number;
  /** Told of each disturbance, for a log. */
  readonly said?: (line: string) => void;
}

type Disturbance = (world: World, chance: Seeded) => Promise<string>;

const wait = async (ms: number): Promise<void> =>
  await new Promise((resolve) => setTimeout(resolve, ms));

async function hurt({ upstream, id }: Member, world: World, chance: Seeded): Promise<string> {
  world.disturb(id);
  if (upstream.transport === 'stdio') {
    await upstream.restart();
    return `${id}: its process is killed`;
  }
  const faults = chance.pick(HTTP_FAULTS);
  upstream.setFaults(faults);
  await wait(chance.between(200, 1_500));
  upstream.setFaults([]);
  world.disturb(id);
  return `${id}: ${JSON.stringify(faults)}`;
}

const hurtOne: Disturbance = async (world, chance) =>
  await hurt(chance.pick(world.members), world, chance);

const hurtMany: Disturbance = async (world, chance) => {
  const some = world.members.filter(() => chance.next() < 0.5);
  return (await Promise.all(some.map(async (one) => await hurt(one, world, chance)))).join('; ');
};

const restartUpstream: Disturbance = async (world, chance) => {
  const { id, upstream } = chance.pick(world.members);
  world.disturb(id);
  await upstream.restart();
  return `${id}: restarted`;
};

const loseMap: Disturbance = async ({ map }, chance) => {
  const before = map.answer;
  map.answer = chance.pick([
    { body: 'gone', status: 503 },
    { body: before.body, hang: true },
    { body: '{"connectors":[]}' },
    { body: before.body.replace('mapped-1', 'mapped-9') },
  ]);
  await wait(chance.between(500, 2_000));
  map.answer = before;
  return 'the map is gone, hangs or is forged';
};

const editConfig: Disturbance = async (world, chance) => {
  await world.editConfig(true);
  await wait(chance.between(100, 800));
  await world.editConfig(false);
  return 'a connector comes and goes';
};

function limitFiles(pid: number, bytes: string): boolean {
  return spawnSync('prlimit', [`--pid=${pid}`, `--fsize=${bytes}`]).status === 0;
}

const fillDisk: Disturbance = async ({ gateway }, chance) => {
  const startedAtMs = performance.now();
  if (!limitFiles(gateway.pid, '4096:')) return 'no prlimit here: the disk stays as it is';
  await wait(chance.between(300, 1_500));
  limitFiles(gateway.pid, 'unlimited:');
  gateway.forgets(startedAtMs - 100, performance.now());
  return 'files may not grow';
};

const stepClock: Disturbance = async ({ clock, gateway }, chance) => {
  const seconds = chance.pick([-86_400, -3_600, 3_600, 86_400]);
  gateway.clock('off');
  const isOff = clock.step(seconds);
  if (isOff) await wait(chance.between(200, 1_000));
  clock.step(0);
  gateway.clock('right');
  return isOff
    ? `the clock is off by ${seconds} s for a while`
    : 'no libfaketime here: the clock stays as it is';
};

const restart =
  (signal: NodeJS.Signals): Disturbance =>
  async ({ gateway }) => {
    await gateway.down(signal);
    await gateway.up();
    return `the gateway is restarted by ${signal}`;
  };

/** As `pm2 reload`: two processes of one state folder, for a while. */
const reload: Disturbance = async ({ gateway }) => {
  const code = await gateway.reload();
  if (code !== 0) throw new Error(`the process that was replaced ended with ${String(code)}`);
  return 'the gateway is replaced by another process';
};

const DISTURBANCES: readonly Disturbance[] = [
  hurtOne,
  hurtOne,
  hurtOne,
  hurtMany,
  restartUpstream,
  restartUpstream,
  loseMap,
  editConfig,
  fillDisk,
  stepClock,
  restart('SIGTERM'),
  restart('SIGKILL'),
  reload,
  reload,
];

/** A breaker that has opened again and again is open for longer than the 30 s of the first time. */
const RECOVERY_MS = OPEN_MS + 30_000;
/** How far memory may have grown over a life of the gateway that was disturbed: pools, code, caches. */
const MAX_GROWTH_BYTES = 160 * 1024 * 1024;

/**
 * Breaks what can break, by a schedule that its seed decides, while clients call, list and write; then puts everything
 * right and looks whether all is there (invariants: `Invariant`).
 */
export async function runChaos(options: ChaosOptions): Promise<Findings> {
  const { seed, durationMs, said = () => undefined } = options;
  const chance = seeded(seed);
  const findings = new Findings();
  await using world = await createWorld((why) => findings.add('crash', why));
  const { gateway } = world;
  const ids = world.members.map(({ id }) => id);
  const clients = Array.from(
    { length: options.clients },
    (_, index) => new ChaosClient(clientOptions(index, { world, findings, ids, seed })),
  );
  const [watcher] = clients;
  if (watcher === undefined) throw new RangeError('at least one client is needed');
  const expected = await everyTool(watcher, ids);
  const rssBefore = gateway.rssBytes;

  const end = new AbortController();
  const writer = new ChaosWriter(gateway, findings);
  const running = [
    ...clients.slice(1).map(async (client) => await client.run(end.signal)),
    writer.run(end.signal),
    watch(watcher, expected, findings, end.signal),
  ];
  const untilMs = performance.now() + durationMs;
  const hasCrashed = (): boolean => findings.found.some(({ invariant }) => invariant === 'crash');
  while (performance.now() < untilMs && !hasCrashed()) {
    const disturbance = chance.pick(DISTURBANCES);
    said(await disturbance(world, chance));
    findings.tally.disturbances += 1;
    await wait(chance.between(50, 400));
  }
  end.abort();
  await Promise.all(running);
  findings.tally.restarts = gateway.starts - 1;
  if (hasCrashed()) return findings;
  world.heal();
  await recover(watcher, ids, findings);
  await writer.verify();
  await settle({ world, findings, rssBefore });
  await watcher.close();
  return findings;
}

function clientOptions(
  index: number,
  parts: {
    readonly world: World;
    readonly findings: Findings;
    readonly ids: readonly string[];
    readonly seed: number;
  },
): ClientOptions {
  const { world, findings, ids, seed } = parts;
  return {
    name: `c${index}`,
    era: index % 3 === 2 ? 'legacy' : 'modern',
    gateway: world.gateway,
    findings,
    chance: seeded(seed * 1_000 + index),
    connectors: () => ids,
    disturbed: (id, sinceMs) => world.disturbed(id, sinceMs),
  };
}

/** Before anything is broken, the list has every connector's tools. */
async function everyTool(
  client: ChaosClient,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  let tools: readonly string[] = [];
  await waitUntil(
    async () => {
      tools = (await client.list()) ?? [];
      return ids.every((id) => tools.includes(`${id}__echo`));
    },
    { timeoutMs: 20_000, describe: 'every connector is listed' },
  );
  return new Set(tools);
}

/** Lists are whole, whatever is broken: what is stale is listed all the same. */
async function watch(
  client: ChaosClient,
  expected: ReadonlySet<string>,
  findings: Findings,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const tools = await client.list();
    if (tools !== undefined) {
      const have = new Set(tools);
      const missing = Array.from(expected).filter((tool) => !have.has(tool));
      if (missing.length > 0) {
        findings.add('list', `${missing.length} tools are missing, e.g. ${missing[0] ?? ''}`);
      }
    }
    await wait(50);
  }
}

/** Nothing is wrong any more: every connector answers, at the latest when its breaker has tried again. */
async function recover(
  client: ChaosClient,
  ids: readonly string[],
  findings: Findings,
): Promise<void> {
  const ends = ids.map(async (id) => {
    const untilMs = performance.now() + RECOVERY_MS;
    while (!(await client.callOnce(id))) {
      if (performance.now() > untilMs) {
        findings.add(
          'recovery',
          `${id} does not answer ${RECOVERY_MS / 1_000} s after all was put right`,
        );
        return;
      }
      await wait(250);
    }
  });
  await Promise.all(ends);
}

/** Ends the gateway and looks for what it left. */
async function settle({
  world,
  findings,
  rssBefore,
}: {
  readonly world: World;
  readonly findings: Findings;
  readonly rssBefore: number;
}): Promise<void> {
  const { gateway, members } = world;
  const grown = gateway.rssBytes - rssBefore;
  if (grown > MAX_GROWTH_BYTES) findings.add('leak', `${Math.round(grown / 1e6)} MB more memory`);
  const children = processTree(gateway.pid).filter(({ pid }) => pid !== gateway.pid);
  const exitCode = await gateway.down('SIGTERM');
  if (exitCode !== 0) findings.add('leak', `the gateway ended with ${String(exitCode)}`);
  const isGone = (): boolean =>
    members.every(({ upstream }) =>
      upstream.transport === 'http'
        ? upstream.open.connections === 0
        : upstream.processes().length === 0,
    );
  try {
    await waitUntil(isGone, { timeoutMs: 10_000, describe: 'connections and processes are gone' });
  } catch {
    const left = members.map(({ id, upstream }) =>
      upstream.transport === 'http'
        ? `${id}: ${upstream.open.connections} connections`
        : `${id}: ${upstream.processes().length} processes`,
    );
    findings.add('leak', `${left.join(', ')}; children before: ${children.length}`);
  }
}
