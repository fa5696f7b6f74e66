import type { FlagName } from './config-schema.ts';

/** One rollback flag as it is explained to operators. */
export interface FlagFacts {
  /** Its value when nobody says otherwise. */
  readonly standard: boolean;
  /** What the other value does. */
  readonly rollback: string;
}

/** Every rollback flag; the other value of each leads to a tested path (contract.md, flags). */
export const FLAG_TABLE: Readonly<Record<FlagName, FlagFacts>> = {
  MCP_CONNECTOR_REFRESH_SYNC: {
    standard: false,
    rollback: 'true: no background refresh; a list asks what is not fresh and waits for it',
  },
  MCP_CONNECTOR_PARALLEL_SYNC: {
    standard: true,
    rollback: 'false: one connector after the other',
  },
  MCP_CONNECTOR_SHARED_AGENT: {
    standard: true,
    rollback: 'false: sockets of its own for each connector, closed after each pass',
  },
  MCP_CONNECTOR_MANIFEST_CACHE: {
    standard: true,
    rollback: 'false: every list asks the servers',
  },
  MCP_CONNECTOR_PERSIST_MANIFESTS: {
    standard: true,
    rollback: 'false: nothing is kept over a restart',
  },
  MCP_LIST_PREBUILT: {
    standard: true,
    rollback: 'false: lists are serialised for each request',
  },
  MCP_REGISTRY_MEMORY_CACHE: {
    standard: true,
    rollback: 'false: the registry is read from and written to its files each time',
  },
  MCP_STDIO_POOL: {
    standard: false,
    rollback: 'true: as many processes as `instances` of a stdio server says share its calls',
  },
};
