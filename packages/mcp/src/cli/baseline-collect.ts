import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { LoadedConfig } from '../config/config.ts';
import { definedVariables } from '../config/environment.ts';
import { FLAG_NAMES } from '../config/flag-schema.ts';
import { stateFolder } from '../config/locate-config.ts';
import { CommandError } from '../protocol/command-error.ts';
import { collectBaseline, type Collected } from '../proof/baseline-collect.ts';
import { createRunCommand, runNothing } from '../proof/baseline-command.ts';
import { parseBenchBudget } from '../proof/baseline-budget.ts';
import { makeBaselineFolder, openBaselineParent, writeBaseline } from '../proof/baseline-folder.ts';
import { type HostFacts, readHostFacts } from '../proof/baseline-host.ts';
import { pruneBaselines } from '../proof/baseline-prune.ts';
import type { BaselineRecord } from '../proof/baseline-record.ts';
import { baselineTexts } from '../proof/baseline-texts.ts';
import { createHostFiles, NO_HOST_FILES } from '../proof/host-files.ts';
import type { ServiceReading } from '../proof/service-reading.ts';
import { CONFIG_COPY, type ConfigCopy, copyConfig } from './baseline-config.ts';
import { baselineParent } from './baseline-parent.ts';
import { type CommandContext, UsageError } from './command.ts';
import { EXIT_OK, exitCodeOfSignal } from './exit-code.ts';
import { readConfig } from './open-service.ts';
import { isLocalUrl } from './local-url.ts';
import { numberOption } from './number-option.ts';
import { openProbe, type ProbeTarget } from './probe-call.ts';
import { openRunningService, type RunningService } from './running-service.ts';
import { safeText } from './terminal-text.ts';

const LABEL = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** Shown in full; the others are in the record. */
const SHOWN = ['calls.', 'probe.', 'total.', 'gateway.', 'gc.', 'loop.', 'cpu.'];

function labelOf({ options }: CommandContext): string {
  const label = options.text('label') ?? 'pre-optimization';
  if (LABEL.test(label)) return label;
  throw new UsageError('--label must be at most 64 letters, digits, dots, dashes or underscores');
}

/** The arguments of the probe, as JSON of an object. @throws UsageError */
function argumentsOf({ options }: CommandContext): string {
  const text = options.text('args') ?? '{}';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UsageError('--args must be JSON, such as {"message":"hello"}', 'INPUT_INVALID');
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return text;
  throw new UsageError(
    '--args must be a JSON object, such as {"message":"hello"}',
    'INPUT_INVALID',
  );
}

async function benchOf(context: CommandContext): Promise<ReadonlyMap<string, number> | undefined> {
  const given = context.options.text('bench');
  if (given === undefined) return undefined;
  try {
    return parseBenchBudget(await readFile(resolve(context.io.cwd, given), 'utf8'));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`--bench ${given} cannot be used: ${safeText(why)}`, 'BENCH_INVALID');
  }
}

const SETTINGS = [
  ...FLAG_NAMES,
  'MCP_ROLLOUT_PERCENT',
  'MCP_INSTANCE_ID',
  'syncConcurrency',
  'processStartConcurrency',
  'refreshIntervalMs',
  'maxInFlight',
  'maxQueued',
  'idleStopMs',
  'firstListWaitMs',
  'maxCalls',
];

/** What is in force, by name: flags and settings, without their origins and without addresses. */
function settingsOf(service: ServiceReading): Readonly<Record<string, unknown>> {
  const values = SETTINGS.map((name) => [name, service.setting(name)] as const);
  return Object.fromEntries(values.filter(([, value]) => value !== undefined));
}

function probeOf(context: CommandContext, first: ServiceReading): ProbeTarget | undefined {
  const { io, options } = context;
  const tool = options.text('probe');
  if (tool === undefined) return undefined;
  const url = options.text('url');
  const endpoint = url === undefined ? first.endpoint : new URL('/mcp', url).href;
  if (endpoint === undefined)
    throw new CommandError('PROBE_FAILED', 'the service has no address to probe: it has no port');
  const folder = stateFolder({ flag: undefined, env: io.env, cwd: io.cwd, home: io.home }).value;
  return openProbe(io, new URL('/mcp', endpoint), {
    tool,
    argumentsJson: argumentsOf(context),
    stateFolder: folder,
  });
}

/** @throws UsageError */
function keepOf({ options }: CommandContext): number | undefined {
  if (!options.has('keep')) return undefined;
  return Math.floor(numberOption({ options }, 'keep', { min: 1, max: 100_000, standard: 1 }));
}

/** @throws UsageError */
function rateOf({ options }: CommandContext): number | undefined {
  if (!options.has('rate')) return undefined;
  return numberOption({ options }, 'rate', { min: 0.1, max: 10_000, standard: 1 });
}

/** What is to be measured, for how long, and the configuration when this command has read it. */
interface Given {
  readonly label: string;
  readonly seconds: number;
  readonly config: LoadedConfig | undefined;
}

async function configOf(
  context: CommandContext,
  { config }: Given,
  reading: ServiceReading,
): Promise<ConfigCopy> {
  if (isLocalUrl(context.options.text('url'))) return await copyConfig(context, config, reading);
  return { kind: 'none', why: 'the service runs on another machine' };
}

function withConfig({ lines, files }: HostFacts, copy: ConfigCopy): HostFacts {
  if (copy.kind === 'none') {
    return { lines: { ...lines, configuration: `unknown: ${copy.why}` }, files };
  }
  return {
    lines: { ...lines, configuration: CONFIG_COPY },
    files: { ...files, [CONFIG_COPY]: copy.text },
  };
}

async function collect(
  context: CommandContext,
  service: RunningService,
  given: Given,
): Promise<Collected> {
  const { io, options } = context;
  const [bench, ratePerSecond] = [await benchOf(context), rateOf(context)];
  // Elsewhere its process would be taken for one of this machine that happens to have its number.
  const isLocal = isLocalUrl(options.text('url'));
  const files = isLocal ? createHostFiles() : NO_HOST_FILES;
  const run = isLocal ? createRunCommand(definedVariables(io.env)) : runNothing;
  const first = await service.read();
  const target = probeOf(context, first);
  const tool = options.text('probe') ?? '';
  try {
    if (target !== undefined && !(await target.call(io.signal))) {
      const remedy = `try cortex-mcp call ${tool} with the same arguments`;
      throw new CommandError('PROBE_FAILED', `${tool} cannot be called`, { remedy });
    }
    const { label, seconds } = given;
    return await collectBaseline({
      label,
      seconds,
      read: async () => await service.read(),
      files,
      host: async (reading) => {
        const configPath = reading.setting('config');
        const facts = await readHostFacts({
          files,
          run,
          pid: reading.pid,
          configPath: typeof configPath === 'string' ? configPath : undefined,
        });
        return withConfig(facts, await configOf(context, given, reading));
      },
      probe: target && { tool, ratePerSecond, call: target.call },
      bench,
      settings: settingsOf,
      signal: io.signal,
      warn: (message) => io.stderr.write(`warning: ${safeText(message)}\n`),
    });
  } finally {
    await target?.close();
  }
}

function shown(record: BaselineRecord): string {
  return baselineTexts(record, (name) => SHOWN.some((start) => name.startsWith(start)))[
    'servers.txt'
  ];
}

export async function runBaselineCollect(context: CommandContext): Promise<number> {
  const { io, options, json } = context;
  const label = labelOf(context);
  const seconds = numberOption(context, 'seconds', { min: 1, max: 86_400, standard: 60 });
  const keep = keepOf(context);
  const url = options.text('url');
  isLocalUrl(url);
  const config = url === undefined ? await readConfig(context, true) : undefined;
  const parent = baselineParent(context);
  // Before the watching, which may take a day.
  await openBaselineParent(parent);
  const service = await openRunningService(io, config, url);
  try {
    if (!json) io.stderr.write(`watching for ${seconds} s\n`);
    const { record, host } = await collect(context, service, { label, seconds, config });
    const folder = await makeBaselineFolder(parent, record.takenAt, label);
    await writeBaseline(folder, record, { ...host.files, ...baselineTexts(record) });
    const removed = keep === undefined ? [] : await pruneBaselines(parent, { label, keep });
    if (json) {
      io.stdout.write(`${JSON.stringify({ folder, removed, record }, undefined, 2)}\n`);
    } else {
      if (removed.length > 0) io.stderr.write(`removed: ${safeText(removed.join(', '))}\n`);
      io.stdout.write(`${shown(record)}\n${safeText(join(folder, 'baseline.json'))}\n`);
    }
    return EXIT_OK;
  } catch (error) {
    if (io.signal.aborted) return exitCodeOfSignal(io.signal.reason);
    throw error;
  } finally {
    await service.close();
  }
}
