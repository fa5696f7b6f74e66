import type { CatalogCell } from '../catalog/catalog.ts';
import { feedCatalog, type CatalogFeed } from './catalog-feed.ts';
import type { ConnectorSet } from './connector-set.ts';
import type { ConnectorProxyManager } from '../connectors/manager.ts';
import type { Instruments } from '../observability/instruments.ts';
import { createOversight, type Oversight } from './oversight-part.ts';
import type { ServiceOptions } from './service-options.ts';
import type { UpstreamAccess } from '../upstream/upstream.ts';

export interface FeedParts {
  readonly manager: ConnectorProxyManager;
  readonly connectors: ConnectorSet;
  readonly cell: CatalogCell<UpstreamAccess>;
  readonly instruments: Instruments;
}

/** The catalog's feed of a service, and what watches over what goes into it. */
export function createServiceFeed(
  options: ServiceOptions,
  { manager, connectors, cell, instruments }: FeedParts,
): { readonly feed: CatalogFeed; readonly oversight: Oversight } {
  const { logger, settings } = options;
  const { separator, listPrebuilt } = settings;
  const oversight = createOversight(options, {
    logger,
    separator,
    instruments,
    manager,
    definitions: () => connectors.current(),
    // Only once it listens, long after both are made.
    changed: () => feed.changed(),
  });
  const feed = feedCatalog(
    manager,
    cell,
    {
      separator,
      prebuilt: listPrebuilt,
      listed: options.pins && oversight.listed,
      duration: instruments.catalogBuildDuration,
    },
    (error) => logger.error({ err: error }, 'the catalog could not be built; the last one stays'),
  );
  sayClashes(cell, logger);
  return { feed, oversight };
}

/** Most clashing names that are remembered as told. */
const MAX_TOLD = 1_000;

/** Says once of each name of tools and prompts that two connectors have (S11). Lives as long as the catalog. */
function sayClashes(cell: CatalogCell<UpstreamAccess>, logger: ServiceOptions['logger']): void {
  const told = new Set<string>();
  cell.onSwap(() => {
    for (const warning of cell.current.warnings) {
      const matters = warning.startsWith('tools:') || warning.startsWith('prompts:');
      if (!matters || told.has(warning) || told.size >= MAX_TOLD) continue;
      told.add(warning);
      logger.warn({ clash: warning }, 'a name is offered twice');
    }
  });
}
