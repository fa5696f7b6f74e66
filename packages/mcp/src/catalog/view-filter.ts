import type { ListKind } from '../protocol/list-kind.ts';

/** What may be seen of a catalog. Every name that is not allowed is as unknown as one that nobody offers. */
export interface ViewFilter {
  /** Equal for filters that allow the same. */
  readonly key: string;
  /** Whether anything of a connector may be seen. */
  connector(connectorId: string): boolean;
  /** Whether it may leave out items of a connector that may be seen. */
  narrows(connectorId: string): boolean;
  /** Whether one item may be seen; `name` is the connector's own name or URI of it. */
  item(kind: ListKind, connectorId: string, name: string): boolean;
}
