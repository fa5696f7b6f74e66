import { closeSync, openSync, writeSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type ProfileCost, profileCosts } from '../proof/cpu-profile.ts';
import { flameGraph, type FlameUnit } from '../proof/flame-graph.ts';
import { createHostFiles } from '../proof/host-files.ts';
import { type InspectorSession, openInspectorSession } from '../proof/inspector-session.ts';
import {
  CPU_MODES,
  HEAP_MODES,
  heapUsedBytes,
  takeCpuProfile,
  takeHeapProfile,
  takeHeapSnapshot,
  type TakenProfile,
} from '../proof/profile-take.ts';
import { checkOutput } from './check-output.ts';
import { type CommandContext, UsageError } from './command.ts';
import { EXIT_OK } from './exit-code.ts';
import { numberOption } from './number-option.ts';
import { servicePid } from './service-pid.ts';
import { type Cell, createPaint, safeText, table } from './terminal-text.ts';

const MAX_SECONDS = 3_600;
/** What is shown of a profile (S3-11). */
const TOP = 20;
const MIB = 1_048_576;
/** For finding, connecting and fetching; a snapshot of a large heap takes longest. */
const SPARE_MS = 30_000;
const SNAPSHOT_MS = 600_000;

/** One of the words of a mode, with what it stands for. @throws UsageError */
function modeOf<T>(
  { options }: CommandContext,
  modes: Readonly<Record<string, T>>,
  standard: string,
): readonly [word: string, value: T] {
  const word = options.text('mode') ?? standard;
  const value = Object.hasOwn(modes, word) ? modes[word] : undefined;
  if (value !== undefined) return [word, value];
  throw new UsageError(`--mode must be ${Object.keys(modes).join(' or ')}`);
}

function outputOf({ io, options }: CommandContext, pid: number, ending: string): string {
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, '-');
  const given = options.text('out') ?? `cortex-mcp-${pid}-${stamp}${ending}`;
  return resolve(io.cwd, given);
}

async function writePrivate(file: string, text: string): Promise<void> {
  await writeFile(file, text, { mode: 0o600 });
  // One that was there keeps its mode.
  await chmod(file, 0o600);
}

function costTable(
  context: CommandContext,
  costs: readonly ProfileCost[],
  unit: FlameUnit,
): string {
  const sum = costs.reduce((total, { self }) => total + self, 0);
  const cell = (value: number): Cell => ({
    text: unit === 'time' ? `${(value / 1_000).toFixed(1)} ms` : `${(value / MIB).toFixed(2)} MiB`,
    align: 'right',
  });
  const rows = costs
    .slice(0, TOP)
    .map(({ name, place, self, total }): Cell[] => [
      { text: `${((100 * self) / Math.max(1, sum)).toFixed(1)} %`, align: 'right' },
      cell(self),
      cell(total),
      { text: `${safeText(name)}  ${safeText(place)}` },
    ]);
  if (rows.length === 0) return 'nothing was sampled: it rested; watch longer, or while it works\n';
  const style = { paint: createPaint(context.io), columns: context.io.columns };
  return table(['SHARE', 'ITSELF', 'WITH CALLS', 'WHERE'], rows, style);
}

interface Shown {
  readonly what: 'cpu' | 'heap';
  readonly mode: string;
  readonly unit: FlameUnit;
  readonly ending: string;
  readonly seconds: number;
}

async function writeProfile(
  context: CommandContext,
  pid: number,
  { text, root }: TakenProfile,
  { what, mode, unit, ending, seconds }: Shown,
): Promise<number> {
  const { io, json } = context;
  const file = outputOf(context, pid, ending);
  const picture = `${file.replace(new RegExp(`\\${ending}$`), '')}.svg`;
  await writePrivate(file, text);
  const title = `${what} (${mode}) of process ${pid}, at most ${seconds} s`;
  await writePrivate(picture, flameGraph(root, title, unit));
  const costs = profileCosts(root).filter(({ name, self }) => self > 0 && name !== '(idle)');
  if (json) {
    const top = costs.slice(0, TOP);
    io.stdout.write(`${JSON.stringify({ pid, what, mode, file, picture, top }, undefined, 2)}\n`);
  } else {
    io.stdout.write(
      `${costTable(context, costs, unit)}\n${safeText(file)}\n${safeText(picture)}\n`,
    );
  }
  return EXIT_OK;
}

/** Runs with the inspector open, and closes it whatever happens. */
async function withInspector(
  context: CommandContext,
  maxMs: number,
  use: (session: InspectorSession, pid: number) => Promise<number>,
): Promise<number> {
  await checkOutput(outputOf(context, 0, ''));
  const pid = await servicePid(context);
  const maxOpenMs = maxMs + SPARE_MS;
  const session = await openInspectorSession({ files: createHostFiles(), pid, maxOpenMs });
  const { io, json } = context;
  const how = session.wasOpen ? 'its inspector was open already and stays so' : 'inspector open';
  if (!json) io.stderr.write(`process ${pid}: ${how}, 127.0.0.1:${session.port}\n`);
  try {
    return await use(session, pid);
  } finally {
    await session.close();
  }
}

export async function runProfileCpu(context: CommandContext): Promise<number> {
  const [mode, intervalUs] = modeOf(context, CPU_MODES, 'normal');
  const seconds = numberOption(context, 'seconds', { min: 0.1, max: MAX_SECONDS, standard: 60 });
  return await withInspector(context, seconds * 1_000, async ({ client }, pid) => {
    const { signal } = context.io;
    const taken = await takeCpuProfile(client, intervalUs, { durationMs: seconds * 1_000, signal });
    const shown = { what: 'cpu', mode, unit: 'time', ending: '.cpuprofile', seconds } as const;
    return await writeProfile(context, pid, taken, shown);
  });
}

async function runSnapshot(context: CommandContext): Promise<number> {
  const { io, json } = context;
  return await withInspector(context, SNAPSHOT_MS, async ({ client }, pid) => {
    const heapMiB = (await heapUsedBytes(client)) / MIB;
    io.stderr.write(
      `warning: the service stands still while its heap of ${heapMiB.toFixed(0)} MiB is written; the file will be ` +
        'larger than that, and holds all texts in memory, keys and tokens too\n',
    );
    const file = outputOf(context, pid, '.heapsnapshot');
    const descriptor = openSync(file, 'w', 0o600);
    const startedAtMs = performance.now();
    let bytes = 0;
    try {
      await takeHeapSnapshot(client, (text) => {
        bytes += writeSync(descriptor, text);
      });
    } finally {
      closeSync(descriptor);
    }
    const tookMs = Math.round(performance.now() - startedAtMs);
    const said = { pid, what: 'snapshot', file, bytes, tookMs };
    io.stdout.write(
      json
        ? `${JSON.stringify(said, undefined, 2)}\n`
        : `${(bytes / MIB).toFixed(1)} MiB in ${(tookMs / 1_000).toFixed(1)} s\n${safeText(file)}\n`,
    );
    return EXIT_OK;
  });
}

export async function runProfileHeap(context: CommandContext): Promise<number> {
  if (context.options.has('snapshot')) return await runSnapshot(context);
  const [mode, all] = modeOf(context, HEAP_MODES, 'live');
  const seconds = numberOption(context, 'seconds', { min: 0.1, max: MAX_SECONDS, standard: 60 });
  return await withInspector(context, seconds * 1_000, async ({ client }, pid) => {
    const { signal } = context.io;
    const taken = await takeHeapProfile(client, all, { durationMs: seconds * 1_000, signal });
    const shown = { what: 'heap', mode, unit: 'memory', ending: '.heapprofile', seconds } as const;
    return await writeProfile(context, pid, taken, shown);
  });
}
