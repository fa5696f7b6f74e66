import type { ConnectorStatus } from '../connectors/sync-report.ts';
import type { CliIo } from './cli-io.ts';
import type { CommandContext } from './command.ts';
import { connectorTable, shownState } from './connector-rows.ts';
import { type LiveTable, openLiveTable } from './live-table.ts';
import { createPaint, formatMs } from './terminal-text.ts';

/** The part of the manager that progress is made from. */
export interface ProgressSource {
  listConnectors(): readonly ConnectorStatus[];
  onChange(listener: () => void): () => void;
}

/** Changes that come this close together are drawn together. */
const SETTLE_MS = 50;
/** Times that run are drawn this often. */
const TICK_MS = 250;
/** In a pipe a line is written this often, and none before. */
const LINE_MS = 2_000;

/** What failed first, then what is under way: those are looked for when not all fit. */
const INTEREST = ['unavailable', 'connecting', 'stale', 'fresh', 'disabled'] as const;

function interest(status: ConnectorStatus): number {
  return INTEREST.indexOf(shownState(status));
}

interface Counts {
  readonly total: number;
  readonly connecting: number;
  readonly failed: number;
}

function countStates(connectors: readonly ConnectorStatus[]): Counts {
  let connecting = 0;
  let failed = 0;
  let total = 0;
  for (const status of connectors) {
    const state = shownState(status);
    if (state !== 'disabled') total += 1;
    if (state === 'connecting') connecting += 1;
    if (state === 'unavailable') failed += 1;
  }
  return { total, connecting, failed };
}

/** `3 of 12 connectors ready, 1 failed, 8 connecting (1.2 s)` */
function summary({ total, connecting, failed }: Counts, elapsedMs: number): string {
  const parts = [`${total - connecting - failed} of ${total} connectors ready`];
  if (failed > 0) parts.push(`${failed} failed`);
  if (connecting > 0) parts.push(`${connecting} connecting`);
  return `${parts.join(', ')} (${formatMs(elapsedMs)})`;
}

/** The lines of one frame: as many rows as fit, and how many more there are. */
export function progressLines(
  connectors: readonly ConnectorStatus[],
  io: CliIo,
  { rows, elapsedMs }: { readonly rows: number; readonly elapsedMs: number },
): readonly string[] {
  const paint = createPaint(io);
  const line = paint('bold', summary(countStates(connectors), elapsedMs));
  // The summary, the headings and what says how many are left out.
  const room = Math.max(1, rows - 3);
  const fits = connectors.length <= room;
  const shown = fits
    ? connectors
    : connectors.toSorted((a, b) => interest(a) - interest(b)).slice(0, room);
  const text = connectorTable(shown, { paint, columns: io.columns });
  const more = fits ? [] : [paint('dim', `and ${connectors.length - room} more`)];
  return [line, ...text.trimEnd().split('\n'), ...more];
}

/** Draws the connectors in place while they settle. @returns a function that ends it and takes the lines away. */
export function drawProgress(source: ProgressSource, live: LiveTable): () => void {
  const startedAtMs = performance.now();
  const draw = (): void => {
    const elapsedMs = performance.now() - startedAtMs;
    live.draw(progressLines(source.listConnectors(), live.io, { rows: live.rows(), elapsedMs }));
  };
  let settling: NodeJS.Timeout | undefined;
  const unsubscribe = source.onChange(() => {
    settling ??= setTimeout(() => {
      settling = undefined;
      draw();
    }, SETTLE_MS);
  });
  const ticking = setInterval(draw, TICK_MS);
  draw();
  return () => {
    unsubscribe();
    clearTimeout(settling);
    clearInterval(ticking);
    live.clear();
  };
}

/** Says on stderr how far it is, in plain lines and only when it takes long. @returns a function that ends it. */
function sayProgress(source: ProgressSource, io: CliIo): () => void {
  const startedAtMs = performance.now();
  const timer = setInterval(() => {
    const counts = countStates(source.listConnectors());
    if (counts.connecting === 0) return;
    io.stderr.write(`${summary(counts, performance.now() - startedAtMs)}\n`);
  }, LINE_MS);
  return () => clearInterval(timer);
}

/** A command whose output appears above what is drawn in place, and what draws it. */
export interface ProgressContext {
  readonly context: CommandContext;
  /** Undefined in a pipe, with `--json` and on a terminal that cannot. */
  readonly live: LiveTable | undefined;
}

export function progressContext(context: CommandContext): ProgressContext {
  const live = context.json ? undefined : openLiveTable(context.io);
  return { context: live === undefined ? context : { ...context, io: live.io }, live };
}

/** Runs `work` and shows meanwhile how far the connectors are: a live table, or plain lines on stderr. */
export async function withProgress<T>(
  source: ProgressSource,
  { context: { io }, live }: ProgressContext,
  work: () => Promise<T>,
): Promise<T> {
  const stop = live === undefined ? sayProgress(source, io) : drawProgress(source, live);
  // What is drawn must be gone before the program is.
  io.signal.addEventListener('abort', stop, { once: true });
  try {
    return await work();
  } finally {
    io.signal.removeEventListener('abort', stop);
    stop();
  }
}
