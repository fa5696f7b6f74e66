import type { RegistryHealth } from '@cortex-os/mcp-registry';

/** What `/status` says of the registry. Times in milliseconds. */
export interface RegistryStatus {
  readonly path: string;
  readonly state: 'opening' | 'open' | 'failed' | 'closed';
  /** Why it could not be opened. */
  readonly failure?: string;
  /** Absent when nothing is held in memory. */
  readonly health?: {
    readonly access: 'writer' | 'reader';
    /** Why this process only reads. */
    readonly reason?: string;
    readonly records: number;
    readonly generation: number;
    readonly durableGeneration: number;
    readonly unflushedMs: number;
    /** The failure of the last write. */
    readonly lastError?: string;
  };
  /** Connectors that the registry gives, as `cortex-mcp connectors list` shows them. */
  readonly connectors: number;
  /** Those of them that are used: no connector of the configuration has their id. */
  readonly used: number;
  readonly warnings: readonly string[];
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The health of a registry as plain JSON. */
export function shownHealth(health: RegistryHealth): NonNullable<RegistryStatus['health']> {
  const { access, records, generation, durableGeneration, unflushedMs, lastError } = health;
  return {
    access: access.kind,
    ...(access.kind === 'reader' && { reason: access.reason.message }),
    records,
    generation,
    durableGeneration,
    unflushedMs,
    ...(lastError !== undefined && { lastError: messageOf(lastError) }),
  };
}
