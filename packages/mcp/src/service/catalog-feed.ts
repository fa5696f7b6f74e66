import type { Histogram } from 'prom-client';
import type { BuildOptions } from '../catalog/build-part.ts';
import { buildCatalog, type CatalogBuild } from '../catalog/build-catalog.ts';
import type { CatalogCell } from '../catalog/catalog.ts';
import { createAnnouncer } from './catalog-announcer.ts';
import type { ConnectorProxyManager } from '../connectors/manager.ts';
import { runInSlices, sharedPace } from '../protocol/pace.ts';
import type { ServedManifest } from '../connectors/entry/served-manifest.ts';
import type { UpstreamAccess } from '../upstream/upstream.ts';

export interface FeedOptions extends BuildOptions {
  /** What may be listed of what is served. Default: all of it. */
  readonly listed?:
    | ((served: readonly ServedManifest[]) => Generator<void, readonly ServedManifest[], void>)
    | undefined;
  /** Takes how long each build took, in seconds. */
  readonly duration: Pick<Histogram, 'observe'>;
}

/** Rebuilds the catalog whenever what may be served has changed. */
export interface CatalogFeed {
  /** Resolves when the catalog shows what the manager served when this was called. */
  settled(): Promise<void>;
  /** What may be listed is not what it was. */
  changed(): void;
  /** False while something that changed is not in the catalog yet. */
  readonly upToDate: boolean;
  stop(): void;
}

/**
 * How long builds rest after one, in lengths of that one: while a hundred connectors come up, a build for each would
 * cost more than syncing them. A small catalog rests a few milliseconds.
 */
const REST_LENGTHS = 10;
const MAX_REST_MS = 500;

/** In the slices that syncs are made in, too. */
const beside = async <T>(work: Generator<void, T, void>): Promise<T> =>
  await runInSlices(work, sharedPace);

/**
 * Changes that come while a build runs, or while it rests, are taken together by the next one: at most one runs, at
 * most one waits. Who waits for `settled` does not wait for the rest.
 * @param onError told of a build that failed; the catalog before it stays.
 */
export function feedCatalog(
  manager: Pick<ConnectorProxyManager, 'served' | 'onChange' | 'syncing'>,
  cell: CatalogCell<UpstreamAccess>,
  options: FeedOptions,
  onError: (error: unknown) => void,
): CatalogFeed {
  let previous: CatalogBuild<UpstreamAccess> | undefined;
  let running: Promise<void> | undefined;
  let rest: NodeJS.Timeout | undefined;
  let dirty = true;
  const announcer = createAnnouncer(cell, () => manager.syncing);

  function rested(): void {
    rest = undefined;
    if (dirty) running ??= build();
  }

  async function build(): Promise<void> {
    // Yields first, so that `running` is set before this can end.
    await Promise.resolve();
    dirty = false;
    const startedAtMs = performance.now();
    try {
      const served = manager.served();
      const listed = options.listed ? await beside(options.listed(served)) : served;
      previous = await beside(buildCatalog(listed, previous, options));
      cell.put(previous.catalog);
      announcer.add(previous.change);
      options.duration.observe((performance.now() - startedAtMs) / 1000);
    } catch (error) {
      onError(error);
    }
    running = undefined;
    const restMs = REST_LENGTHS * (performance.now() - startedAtMs);
    rest = setTimeout(rested, Math.min(MAX_REST_MS, restMs)).unref();
  }

  async function now(): Promise<void> {
    clearTimeout(rest);
    rest = undefined;
    running ??= build();
    await running;
  }

  const changed = (): void => {
    dirty = true;
    if (rest === undefined) void now();
  };
  const unsubscribe = manager.onChange(changed);
  return {
    changed,
    get upToDate() {
      return !dirty && running === undefined;
    },
    async settled() {
      // A build under way may have begun before the last change; one that begins after it has not.
      await running;
      if (dirty || running !== undefined) await now();
    },
    stop() {
      unsubscribe();
      clearTimeout(rest);
      announcer.stop();
    },
  };
}
