import type { ConnectorStatus } from '../connectors/sync-report.ts';
import type { CliIo } from './cli-io.ts';
import { connectorLine, connectorTable, failureText, shownState } from './connector-rows.ts';
import type { ProgressSource } from './progress.ts';
import { remedyLines, type RemediedFailure } from './remedy-lines.ts';
import { createPaint } from './terminal-text.ts';

/** Changes that come this close together are shown together: each reads the state of every connector. */
const SETTLE_MS = 50;

/** What makes a later line worth its place: not that a manifest ages, and not how long a wait has been. */
export function noteworthy(status: ConnectorStatus): string {
  const state = shownState(status);
  const group = state === 'stale' ? 'fresh' : state;
  const failure = group === 'connecting' ? '' : failureText(status);
  return [group, status.tools, failure].join('|');
}

/** The failure of a connector that has one and is not being connected. */
function failed(status: ConnectorStatus): RemediedFailure[] {
  const { id, failure } = status;
  return failure !== undefined && shownState(status) === 'unavailable' ? [{ id, ...failure }] : [];
}

/**
 * Shows the table once every connector has settled, or after `waitMs` with the late ones as `connecting`; then each
 * change on a line of its own, within 50 ms. Returns a function that ends it.
 * @param begin shows until the table how far they are; it returns what ends that. Default: nothing is shown.
 */
export function reportConnectors(
  source: ProgressSource,
  io: CliIo,
  waitMs: number,
  begin?: () => () => void,
): () => void {
  const paint = createPaint(io);
  const shown = new Map<string, string>();
  let tabled = false;
  let endProgress: (() => void) | undefined;

  function remember(connectors: readonly ConnectorStatus[]): void {
    shown.clear();
    for (const status of connectors) shown.set(status.id, noteworthy(status));
  }

  function showTable(): void {
    tabled = true;
    endProgress?.();
    endProgress = undefined;
    const connectors = source.listConnectors();
    remember(connectors);
    if (connectors.length === 0) return;
    io.stdout.write(`\n${connectorTable(connectors, { paint, columns: io.columns })}`);
    io.stdout.write(remedyLines(connectors.flatMap(failed)));
  }

  function showChanges(): void {
    const connectors = source.listConnectors();
    const ids = new Set(connectors.map((status) => status.id));
    for (const id of shown.keys()) if (!ids.has(id)) io.stdout.write(`${id}: removed\n`);
    for (const status of connectors) {
      if (shown.get(status.id) !== noteworthy(status))
        io.stdout.write(connectorLine(status, paint));
    }
    remember(connectors);
  }

  function update(): void {
    if (tabled) showChanges();
    else if (source.listConnectors().every((status) => shownState(status) !== 'connecting')) {
      showTable();
    }
  }

  let settling: NodeJS.Timeout | undefined;
  const unsubscribe = source.onChange(() => {
    settling ??= setTimeout(() => {
      settling = undefined;
      update();
    }, SETTLE_MS);
  });
  const timer = setTimeout(() => {
    if (!tabled) showTable();
  }, waitMs);
  update();
  if (!tabled) endProgress = begin?.();
  return () => {
    endProgress?.();
    clearTimeout(timer);
    clearTimeout(settling);
    unsubscribe();
  };
}
