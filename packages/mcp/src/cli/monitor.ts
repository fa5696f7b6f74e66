import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stateFolder } from '../config/locate-config.ts';
import type { MonitorFrame } from '../proof/monitor-frame.ts';
import type { MonitorWatch } from '../proof/monitor-watch.ts';
import type { CliIo } from './cli-io.ts';
import { type Command, type CommandContext, UsageError } from './command.ts';
import { EXIT_FAILED, EXIT_OK } from './exit-code.ts';
import { type LiveTable, openLiveTable } from './live-table.ts';
import { isLocalUrl } from './local-url.ts';
import { monitorLines, monitorScreen } from './monitor-lines.ts';
import { readConfig } from './open-service.ts';
import { openRunningService, type RunningService, ServiceUnreachable } from './running-service.ts';
import { createPaint, safeText } from './terminal-text.ts';

const DEFAULT_INTERVAL_MS = 2_000;
const MIN_INTERVAL_MS = 250;
const MAX_INTERVAL_MS = 3_600_000;
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** `2s`, `500ms`, `5m`. @throws UsageError */
function intervalOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_INTERVAL_MS;
  const [, count = '', unit = ''] = /^(\d+)(ms|s|m|h)$/.exec(text) ?? [];
  const ms = Number(count || NaN) * (UNITS[unit] ?? NaN);
  if (ms >= MIN_INTERVAL_MS && ms <= MAX_INTERVAL_MS) return ms;
  throw new UsageError(
    `--interval ${JSON.stringify(text)} is no time from 250ms to 1h, such as 2s or 5m`,
  );
}

/** Waits, unless the command is to end. */
async function rest(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined); // aborted: the loop sees it
}

/** Where frames go. */
interface Shown {
  frame(frame: MonitorFrame): void;
  gone(message: string): void;
}

function jsonOutput(io: CliIo): Shown {
  const line = (value: object): void => void io.stdout.write(`${JSON.stringify(value)}\n`);
  return {
    frame: (frame) => line({ kind: 'frame', ...frame }),
    gone: (message) => line({ kind: 'gone', at: new Date().toISOString(), message }),
  };
}

function lineOutput(io: CliIo): Shown {
  let said = '';
  return {
    frame: (frame) => {
      said = '';
      io.stdout.write(`${monitorLines(frame).join('\n')}\n`);
    },
    // Once, not every two seconds.
    gone: (message) => {
      if (said !== message) io.stdout.write(`${new Date().toISOString()} ${safeText(message)}\n`);
      said = message;
    },
  };
}

function liveOutput(live: LiveTable): Shown {
  const { io } = live;
  const paint = createPaint(io);
  let last: readonly string[] = [];
  return {
    frame: (frame) => {
      last = monitorScreen(frame, { paint, columns: io.columns });
      live.draw(last);
    },
    gone: (message) => {
      const said = `${paint('red', 'no answer')} ${safeText(message)}`;
      live.draw([said, ...last.map((line) => paint('dim', line))]);
    },
  };
}

interface Loop {
  readonly service: RunningService;
  readonly watch: MonitorWatch;
  readonly shown: Shown;
  readonly intervalMs: number;
  readonly io: Pick<CliIo, 'signal' | 'stdout'>;
}

/** One reading. */
async function step({ service, watch, shown }: Loop): Promise<void> {
  try {
    const frame = await watch.next(await service.read());
    if (frame !== undefined) shown.frame(frame);
  } catch (error) {
    if (!(error instanceof ServiceUnreachable)) throw error;
    shown.gone(error.message);
  }
}

async function watchOn(loop: Loop): Promise<number> {
  const { signal, stdout } = loop.io;
  // Nobody reads any more (`| head`): nothing is left to do.
  while (!signal.aborted && stdout.gone !== true) {
    await step(loop);
    await rest(loop.intervalMs, signal);
  }
  return EXIT_OK;
}

/** Two readings, one frame; a service that is not there is a failure. */
async function watchOnce({ service, watch, shown, intervalMs, io }: Loop): Promise<number> {
  await watch.next(await service.read());
  await rest(intervalMs, io.signal);
  if (io.signal.aborted) return EXIT_OK;
  const frame = await watch.next(await service.read());
  if (frame === undefined) return EXIT_FAILED;
  shown.frame(frame);
  return EXIT_OK;
}

/** Where the last reading is kept for the next run, and whose it is. */
interface MarkPlace {
  readonly path: string;
  readonly of: string;
  readonly warn: (message: string) => void;
}

/** One reading, compared with that of the run before; the first run makes two of its own. */
async function watchSinceLast(loop: Loop, { path, of, warn }: MarkPlace): Promise<number> {
  const marks = await import('../proof/monitor-mark.ts');
  const mark = await marks.readMonitorMark(path);
  let reading = await loop.service.read();
  const at = { reading, nowMs: Date.now() };
  const before = mark && marks.readingOfMark(mark, of, at);
  await loop.watch.next(before ?? reading);
  if (before === undefined) {
    await rest(loop.intervalMs, loop.io.signal);
    if (loop.io.signal.aborted) return EXIT_OK;
    reading = await loop.service.read();
  }
  const frame = await loop.watch.next(reading);
  if (frame !== undefined) loop.shown.frame(frame);
  try {
    await marks.writeMonitorMark(path, marks.monitorMark(of, reading, Date.now()));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    warn(`${path} cannot be written: the next run begins anew (${why})`);
  }
  return EXIT_OK;
}

function markPlace({ io }: CommandContext, url: string | undefined, config: string): MarkPlace {
  const folder = stateFolder({ flag: undefined, env: io.env, cwd: io.cwd, home: io.home }).value;
  return {
    path: join(folder, 'monitor.json'),
    of: url ?? config,
    warn: (message) => io.stderr.write(`warning: ${safeText(message)}\n`),
  };
}

async function monitor(context: CommandContext): Promise<number> {
  const { io, json, options } = context;
  const intervalMs = intervalOf(options.text('interval'));
  const url = options.text('url');
  const local = isLocalUrl(url);
  const config = url === undefined ? await readConfig(context, true) : undefined;
  const { createMonitorWatch } = await import('../proof/monitor-watch.ts');
  const watch = createMonitorWatch({ local, now: () => Date.now() });
  const sinceLast = options.has('since-last');
  const once = options.has('once') || sinceLast;
  const live = json || once ? undefined : openLiveTable(io);
  const plain = json ? jsonOutput(io) : lineOutput(io);
  const shown = live === undefined ? plain : liveOutput(live);
  const service = await openRunningService(io, config, url);
  const loop = { service, watch, shown, intervalMs, io };
  try {
    if (sinceLast) {
      return await watchSinceLast(loop, markPlace(context, url, config?.configPath ?? ''));
    }
    return once ? await watchOnce(loop) : await watchOn(loop);
  } finally {
    await service.close();
  }
}

export const monitorCommand: Command = {
  name: 'monitor',
  argumentsUsage: '',
  minArguments: 0,
  maxArguments: 0,
  options: ['config', 'port', 'host', 'url', 'once', 'since-last', 'interval', 'json'],
  summary: 'Watch a running service: rates, latency, errors, restarts, memory and pressure',
  details: [
    'Asks the service of the configuration, or the one at --url, every two seconds for /metrics and /status, and the',
    'kernel for the memory of its processes. A table on a terminal, lines in a pipe, JSON lines with --json. A service',
    'that is gone is said to be gone, and waited for. Latencies are those of tool calls between two readings; the delay',
    'of the event loop is that of the last 15 s or more. Restarts are counted from when the watching began, with',
    '--since-last from the run before it: one frame of all the time between, for a timer.',
  ],
  example: 'cortex-mcp monitor --interval 5s',
  run: monitor,
};
