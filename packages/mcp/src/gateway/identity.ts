import type { CatalogView } from '../catalog/catalog.ts';
import { LIST_KINDS, LIST_SHAPES } from '../protocol/list-kind.ts';
import type { JsonObject } from '../protocol/message.ts';

/** Who we say we are on the shared endpoint. */
export interface ServerIdentity {
  readonly name: string;
  readonly title: string;
  readonly version: string;
}

/** What an endpoint says of itself in `initialize` and `server/discover`. */
export interface EndpointProfile {
  readonly serverInfo: JsonObject;
  readonly capabilities: JsonObject;
  readonly instructions: string | undefined;
}

/**
 * The shared endpoint speaks as us and offers every list, as connectors come and go. `/mcp/{connector}` speaks as the
 * server behind it, as far as that is known, and offers what it offers.
 * @param listChanged whether the peer can be told of changes.
 */
export function profileOf(
  view: CatalogView<unknown> | undefined,
  connectorId: string | undefined,
  identity: ServerIdentity,
  listChanged: boolean,
): EndpointProfile {
  const info = connectorId === undefined ? undefined : view?.info;
  const capabilities: Record<string, JsonObject> = {};
  for (const kind of LIST_KINDS) {
    const { capability } = LIST_SHAPES[kind];
    if (info === undefined || Object.hasOwn(info.capabilities, capability)) {
      capabilities[capability] = listChanged ? { listChanged: true } : {};
    }
  }
  return {
    serverInfo: info?.serverInfo ?? { ...identity },
    capabilities,
    instructions: info?.instructions,
  };
}
