import type { ViewFilter } from '../catalog/view-filter.ts';
import type { ConnectorProxyManager } from '../connectors/manager.ts';
import type { ConnectorStatus } from '../connectors/sync-report.ts';

/** How long a report is used again; freshness ends without telling. */
const KEPT_MS = 250;
/** The most connectors that are named; more are counted. */
const MAX_NAMED = 50;

/** Which connectors in question are not fresh, as JSON for `_meta` of a list; undefined when all are. */
export type DegradedReport = (
  connectorId: string | undefined,
  policy?: ViewFilter,
) => string | undefined;

interface Known {
  readonly atMs: number;
  readonly degraded: readonly ConnectorStatus[];
  readonly all: string | undefined;
}

function describe(manager: Manager, { id, state, phase, failure, ageMs }: ConnectorStatus): object {
  const nextAttemptMs = manager.find(id)?.nextAttemptMs;
  return {
    id,
    state,
    phase: failure?.phase ?? phase,
    ...(failure && { code: failure.code }),
    ...(ageMs !== undefined && { ageMs: Math.round(ageMs) }),
    ...(nextAttemptMs !== undefined && { nextAttemptMs: Math.max(0, Math.round(nextAttemptMs)) }),
  };
}

type Manager = Pick<ConnectorProxyManager, 'listConnectors' | 'onChange' | 'find'>;

function reportOn(manager: Manager, degraded: readonly ConnectorStatus[]): string | undefined {
  if (degraded.length === 0) return undefined;
  const connectors = degraded.slice(0, MAX_NAMED).map((status) => describe(manager, status));
  const more = degraded.length - connectors.length;
  return JSON.stringify({ connectors, ...(more > 0 && { more }) });
}

/** Says of each list which connectors behind it are stale or missing. Costs nothing while nothing changes. */
export function createDegradedReport(manager: Manager): DegradedReport {
  let known: Known | undefined;
  // Lives as long as the manager.
  manager.onChange(() => {
    known = undefined;
  });
  return (connectorId, policy) => {
    const now = performance.now();
    if (known === undefined || now - known.atMs > KEPT_MS) {
      const degraded = manager
        .listConnectors()
        .filter(({ state }) => state === 'stale' || state === 'unavailable');
      known = { atMs: now, degraded, all: reportOn(manager, degraded) };
    }
    if (connectorId === undefined && policy === undefined) return known.all;
    return reportOn(
      manager,
      known.degraded.filter(
        ({ id }) =>
          (connectorId === undefined || id === connectorId) && policy?.connector(id) !== false,
      ),
    );
  };
}
