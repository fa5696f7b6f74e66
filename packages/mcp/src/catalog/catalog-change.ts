import type { ListKind } from '../protocol/list-kind.ts';
import type { ViewFilter } from './view-filter.ts';

/** Lists that differ between two catalogs, on the shared endpoint and per connector. */
export interface CatalogChange {
  readonly all: ReadonlySet<ListKind>;
  readonly connectors: ReadonlyMap<string, ReadonlySet<ListKind>>;
}

/**
 * The lists of one endpoint that may have changed for somebody; undefined when none has. Of connectors that he may not
 * see he hears nothing.
 */
export function changedKinds(
  change: CatalogChange,
  connectorId: string | undefined,
  policy: ViewFilter | undefined,
): ReadonlySet<ListKind> | undefined {
  if (connectorId !== undefined) return change.connectors.get(connectorId);
  if (policy === undefined) return change.all;
  const kinds = new Set<ListKind>();
  for (const [id, changed] of change.connectors) {
    if (!policy.connector(id)) continue;
    for (const kind of changed) kinds.add(kind);
  }
  return kinds;
}
