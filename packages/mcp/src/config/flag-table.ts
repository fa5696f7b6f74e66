import type { FlagName } from './config-schema.ts';

/** One rollback flag as it is explained to operators. */
export interface FlagFacts {
  /** Its value when nobody says otherwise. */
  readonly standard: boolean;
  /** What the other value does. */
  readonly rollback: string;
  readonly owner: string;
  /** When it goes: what it rolls back has proved itself by then. */
  readonly removal: string;
}

const OWNER = 'gateway maintainers';
const REMOVAL = '2 stable releases, not before 2027-01-31';

/** Every rollback flag; the other value of each leads to a tested path (contract.md, flags). */
export const FLAG_TABLE: Readonly<Record<FlagName, FlagFacts>> = {
  MCP_CONNECTOR_REFRESH_SYNC: {
    standard: false,
    rollback: 'true: no background refresh; a list asks what is not fresh and waits for it',
    owner: OWNER,
    removal: REMOVAL,
  },
  MCP_CONNECTOR_PARALLEL_SYNC: {
    standard: true,
    rollback: 'false: one connector after the other',
    owner: OWNER,
    removal: REMOVAL,
  },
  MCP_CONNECTOR_SHARED_AGENT: {
    standard: true,
    rollback: 'false: sockets of its own for each connector, closed after each pass',
    owner: OWNER,
    removal: REMOVAL,
  },
  MCP_CONNECTOR_MANIFEST_CACHE: {
    standard: true,
    rollback: 'false: every list asks the servers',
    owner: OWNER,
    removal: REMOVAL,
  },
  MCP_CONNECTOR_PERSIST_MANIFESTS: {
    standard: true,
    rollback: 'false: nothing is kept over a restart',
    owner: OWNER,
    removal: REMOVAL,
  },
  MCP_LIST_PREBUILT: {
    standard: true,
    rollback: 'false: lists are serialised for each request',
    owner: OWNER,
    removal: REMOVAL,
  },
  MCP_REGISTRY_MEMORY_CACHE: {
    standard: true,
    rollback: 'false: the registry is read from and written to its files each time',
    owner: OWNER,
    removal: REMOVAL,
  },
  MCP_STDIO_POOL: {
    standard: false,
    rollback: 'true: as many processes as `instances` of a stdio server says share its calls',
    owner: OWNER,
    removal: '2027-06-30',
  },
};
