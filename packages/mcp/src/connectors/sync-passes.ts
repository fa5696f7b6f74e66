import type { ConnectorEntry } from './entry/connector-entry.ts';
import { tracedPass } from './entry/traced-sync.ts';
import type { ConnectorProxyManagerOptions } from './manager-options.ts';
import { passReport, unexpectedOutcome, wasLeftOut } from './pass-report.ts';
import type { SyncOutcome, SyncReport } from './sync-report.ts';

interface SyncPassesOptions {
  /** What there is to sync when a pass begins. */
  readonly entries: () => readonly ConnectorEntry[];
  /** Syncs one within the bound of a pass. */
  readonly sync: (entry: ConnectorEntry, force: boolean) => Promise<SyncOutcome>;
  readonly traced: ConnectorProxyManagerOptions['traced'];
}

export interface SyncPasses {
  /** One pass over all connectors; one under way is joined, and a forced one then asks those it left out. */
  run(force: boolean): Promise<SyncReport>;
  /** Resolves when no pass is under way. */
  idle(): Promise<void>;
}

interface Pass {
  readonly forced: boolean;
  readonly report: Promise<SyncReport>;
}

/** One pass at a time (S4-09); a connector that fails is an outcome of it, never an error. */
export function createSyncPasses({ entries, sync, traced }: SyncPassesOptions): SyncPasses {
  let current: Pass | undefined;

  async function outcomesOf(
    due: readonly ConnectorEntry[],
    force: boolean,
  ): Promise<readonly SyncOutcome[]> {
    const settled = await Promise.allSettled(
      due.map(async (entry) => (force ? undefined : entry.freshOutcome()) ?? sync(entry, force)),
    );
    return settled.map((result, index) =>
      result.status === 'fulfilled'
        ? result.value
        : unexpectedOutcome(due[index]?.definition.id, result.reason),
    );
  }

  async function pass(force: boolean): Promise<SyncReport> {
    const startedAt = performance.now();
    return passReport(startedAt, await outcomesOf(entries(), force));
  }

  async function rest(earlier: Promise<SyncReport>): Promise<SyncReport> {
    const startedAt = performance.now();
    const { outcomes } = await earlier;
    const done = new Map(outcomes.map((outcome) => [outcome.id, outcome]));
    const left = entries().filter(({ definition: { id } }) => {
      const outcome = done.get(id);
      return outcome === undefined || wasLeftOut(outcome);
    });
    for (const outcome of await outcomesOf(left, true)) done.set(outcome.id, outcome);
    return passReport(startedAt, [...done.values()]);
  }

  function begin(forced: boolean, run: () => Promise<SyncReport>): Pass {
    const report = tracedPass(traced, run).finally(() => {
      if (current?.report === report) current = undefined;
    });
    current = { forced, report };
    return current;
  }

  return {
    async run(force) {
      const joined = current ?? begin(force, async () => await pass(force));
      if (!force || joined.forced) return await joined.report;
      return await begin(true, async () => await rest(joined.report)).report;
    },
    async idle() {
      await current?.report;
    },
  };
}
