import { z } from 'zod';

/** The rollback flags of this version, by their variable (contract.md). */
export const FLAG_NAMES = [
  'MCP_CONNECTOR_REFRESH_SYNC',
  'MCP_CONNECTOR_PARALLEL_SYNC',
  'MCP_CONNECTOR_SHARED_AGENT',
  'MCP_CONNECTOR_MANIFEST_CACHE',
  'MCP_CONNECTOR_PERSIST_MANIFESTS',
  'MCP_LIST_PREBUILT',
  'MCP_REGISTRY_MEMORY_CACHE',
  'MCP_STDIO_POOL',
] as const;
export type FlagName = (typeof FLAG_NAMES)[number];

/** Keys that `flags` of a file may have. */
export const FLAG_KEYS: readonly string[] = [...FLAG_NAMES, 'MCP_ROLLOUT_PERCENT'];

/** The rollback flags that a file gives. */
export type FileFlags = Readonly<Partial<Record<FlagName, boolean | undefined>>> & {
  readonly MCP_ROLLOUT_PERCENT?: number | undefined;
};

const boolean = z.boolean('must be true or false');
const message = 'must be a whole number from 0 to 100';
const percent = z.int(message).min(0, message).max(100, message);

/** The schema of `flags` in a configuration file. */
export const flagsSchema: z.ZodType<FileFlags> = z.object(
  {
    MCP_CONNECTOR_REFRESH_SYNC: boolean.optional().meta({
      description: 'No background refresh; refresh inline on demand (S4-19).',
      default: false,
    }),
    MCP_CONNECTOR_PARALLEL_SYNC: boolean.optional().meta({
      description: 'Synchronise connectors side by side, not one after the other.',
      default: true,
    }),
    MCP_CONNECTOR_SHARED_AGENT: boolean.optional().meta({
      description: 'Connectors share their HTTP sockets.',
      default: true,
    }),
    MCP_CONNECTOR_MANIFEST_CACHE: boolean.optional().meta({
      description: 'Lists are answered from memory, without asking the servers.',
      default: true,
    }),
    MCP_CONNECTOR_PERSIST_MANIFESTS: boolean.optional().meta({
      description: 'Keep manifests in the state folder over a restart.',
      default: true,
    }),
    MCP_LIST_PREBUILT: boolean.optional().meta({
      description: 'Serialise lists when the catalog is built, not for each request.',
      default: true,
    }),
    MCP_REGISTRY_MEMORY_CACHE: boolean.optional().meta({
      description: 'Keep the registry in memory; off reads and writes its files each time.',
      default: true,
    }),
    MCP_STDIO_POOL: boolean.optional().meta({
      description: 'Stdio servers with instances above 1 run as that many processes.',
      default: false,
    }),
    MCP_ROLLOUT_PERCENT: percent.optional().meta({
      description:
        'Share of instances in the cohort; the others run with MCP_CONNECTOR_REFRESH_SYNC on (S4-35).',
      default: 100,
    }),
  },
  'must be an object',
);
