import type { BuildOptions } from './catalog/build-part.ts';
import { buildCatalog, type CatalogBuild } from './catalog/build-catalog.ts';
import type { CatalogCell } from './catalog/catalog.ts';
import type { ConnectorProxyManager } from './connectors/manager.ts';
import { runInSlices } from './connectors/pace.ts';
import type { UpstreamAccess } from './upstream/upstream.ts';

/** Rebuilds the catalog whenever what may be served has changed. */
export interface CatalogFeed {
  /** Resolves when the catalog shows what the manager served when this was called. */
  settled(): Promise<void>;
  stop(): void;
}

/**
 * Changes that come while a build runs are taken together by the next one: at most one runs, at most one waits.
 * @param onError told of a build that failed; the catalog before it stays.
 */
export function feedCatalog(
  manager: ConnectorProxyManager,
  cell: CatalogCell<UpstreamAccess>,
  options: BuildOptions,
  onError: (error: unknown) => void,
): CatalogFeed {
  let previous: CatalogBuild<UpstreamAccess> | undefined;
  let running: Promise<void> | undefined;
  let dirty = false;
  const build = async (): Promise<void> => {
    while (dirty) {
      dirty = false;
      try {
        previous = await runInSlices(buildCatalog(manager.served(), previous, options));
        cell.swap(previous.catalog, previous.change);
      } catch (error) {
        onError(error);
      }
    }
    running = undefined;
  };
  const mark = (): Promise<void> => {
    dirty = true;
    running ??= build();
    return running;
  };
  const unsubscribe = manager.onChange(() => void mark());
  return { settled: async () => await mark(), stop: unsubscribe };
}
