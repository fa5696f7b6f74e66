import { setTimeout as delay } from 'node:timers/promises';
import type { MeasuredHost } from '../proof/advise-measure.ts';
import type { Advice, AdviseFacts } from '../proof/advise.ts';
import type { ServiceReading } from '../proof/service-reading.ts';
import { baselineParent } from './baseline-parent.ts';
import type { CliIo } from './cli-io.ts';
import { type Command, type CommandContext, UsageError } from './command.ts';
import { EXIT_OK, exitCodeOfSignal } from './exit-code.ts';
import { isLocalUrl } from './local-url.ts';
import { readConfig } from './open-service.ts';
import { openRunningService, type RunningService } from './running-service.ts';
import { type Colour, createPaint, safeText } from './terminal-text.ts';

const DEFAULT_SECONDS = 30;
const MIN_SECONDS = 2;
const MAX_SECONDS = 86_400;
/** Readings of one watch: enough intervals to tell quiet from busy times. */
const READINGS = 31;
const MIN_PAUSE_MS = 500;
const COLOURS: Readonly<Record<Advice['verdict'], Colour>> = {
  do: 'green',
  'do not': 'dim',
  'not enough data': 'yellow',
};

/** @throws UsageError */
function secondsOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_SECONDS;
  const seconds = Number(text);
  if (Number.isInteger(seconds) && seconds >= MIN_SECONDS && seconds <= MAX_SECONDS) return seconds;
  throw new UsageError(`--seconds ${JSON.stringify(text)} is no number from 2 to 86400`);
}

/** Reads the service again and again; undefined when the command is to end first. */
async function watch(
  service: RunningService,
  seconds: number,
  signal: AbortSignal,
): Promise<readonly ServiceReading[] | undefined> {
  const readings = [await service.read()];
  const pauseMs = Math.max(MIN_PAUSE_MS, (seconds * 1_000) / (READINGS - 1));
  const rounds = Math.max(1, Math.floor((seconds * 1_000) / pauseMs));
  for (let round = 0; round < rounds; round += 1) {
    await delay(pauseMs, undefined, { signal }).catch(() => undefined); // aborted: seen below
    if (signal.aborted) return undefined;
    readings.push(await service.read());
  }
  return readings;
}

const UNSEEN: MeasuredHost = { rssByConnector: new Map(), semiSpaceMb: undefined };

/** What the kernel of this machine says of the service's processes. */
async function hostOf(reading: ServiceReading): Promise<MeasuredHost> {
  const [{ createHostFiles }, { allProcessRows, groupsMemory, processStart }, node] =
    await Promise.all([
      import('../proof/host-files.ts'),
      import('../proof/host-process.ts'),
      import('../proof/doctor-node.ts'),
    ]);
  const files = createHostFiles();
  const [rows, start] = await Promise.all([
    allProcessRows(files),
    processStart(files, reading.pid),
  ]);
  const rssByConnector = new Map<string, number>();
  for (const { id, pids } of reading.connectors) {
    const { rssBytes } = await groupsMemory(files, rows, pids);
    if (rssBytes !== undefined) rssByConnector.set(id, rssBytes);
  }
  const flags = node.nodeFlags({ start });
  return { rssByConnector, semiSpaceMb: node.flagValue(flags, 'max-semi-space-size') };
}

async function measureRunning(context: CommandContext): Promise<AdviseFacts | undefined> {
  const { io, options } = context;
  const seconds = secondsOf(options.text('seconds'));
  const url = options.text('url');
  const isLocal = isLocalUrl(url);
  const config = url === undefined ? await readConfig(context) : undefined;
  const service = await openRunningService(io, config, url);
  try {
    if (!context.json) io.stderr.write(`watching for ${seconds} s\n`);
    const readings = await watch(service, seconds, io.signal);
    const last = readings?.at(-1);
    if (readings === undefined || last === undefined) return undefined;
    const { measureService } = await import('../proof/advise-measure.ts');
    return measureService(readings, isLocal ? await hostOf(last) : UNSEEN, Date.now());
  } finally {
    await service.close();
  }
}

async function factsOf(context: CommandContext): Promise<AdviseFacts | undefined> {
  const given = context.options.text('baseline');
  if (given === undefined) return await measureRunning(context);
  const [{ findBaseline, readBaseline }, { baselineFacts }] = await Promise.all([
    import('../proof/baseline-folder.ts'),
    import('../proof/advise-baseline.ts'),
  ]);
  const place = { cwd: context.io.cwd, parent: baselineParent(context) };
  const folder = await findBaseline(given, place);
  return baselineFacts(await readBaseline(folder), folder);
}

function show(io: CliIo, source: string, all: readonly Advice[]): void {
  const paint = createPaint(io);
  io.stdout.write(`${safeText(`from ${source}`)}\n`);
  for (const { rule, connector, verdict, because, measured, next } of all) {
    const about = connector === undefined ? '' : ` ${safeText(connector)}`;
    const values = Object.entries(measured).map(([name, value]) => `${name} ${value}`);
    io.stdout.write(`${paint(COLOURS[verdict], verdict)}  ${rule}${about}: ${safeText(because)}\n`);
    if (values.length > 0) io.stdout.write(`    ${paint('dim', safeText(values.join(', ')))}\n`);
    if (next === '') continue;
    io.stdout.write(`    ${verdict === 'do' ? 'set' : 'measure'}: ${safeText(next)}\n`);
  }
}

async function run(context: CommandContext): Promise<number> {
  const { io, json, options } = context;
  const facts = await factsOf(context);
  if (facts === undefined) return exitCodeOfSignal(io.signal.reason);
  const { advise } = await import('../proof/advise.ts');
  const all = advise(facts, options.has('accept-effort'));
  const { source } = facts.service;
  if (json) io.stdout.write(`${JSON.stringify({ source, advice: all, facts }, undefined, 2)}\n`);
  else show(io, source, all);
  return EXIT_OK;
}

export const adviseCommand: Command = {
  name: 'advise',
  argumentsUsage: '',
  minArguments: 0,
  maxArguments: 0,
  options: ['config', 'port', 'host', 'url', 'seconds', 'baseline', 'dir', 'accept-effort', 'json'],
  summary: 'Say from measured figures which setting is worth changing, and which is not',
  details: [
    'Watches the running service for half a minute, or reads a folder of cortex-mcp baseline, and asks each rule: pool',
    '(S1-38, S1-51), what costs most (S3-08), young generation, memory tier, freshness, breaker, replicas, idle servers.',
    'Each says the figures it went by, its verdict and the exact setting; without figures it says what to measure.',
    'Nothing is changed. What watches longer, under the usual load, says more.',
  ],
  example: 'cortex-mcp advise --seconds 300',
  run,
};
