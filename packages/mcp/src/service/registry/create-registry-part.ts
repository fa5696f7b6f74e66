import { homedir } from 'node:os';
import type { Registry } from 'prom-client';
import type { ServiceMapSettings } from '../../connectors/map/map-settings.ts';
import { createTraced } from '../../observability/traced-work.ts';
import { RegistryPart } from './registry-part.ts';
import type { ServiceOptions } from '../service-options.ts';
import type { StateOwner } from '../state-owner.ts';

/** What the registry shares with the rest of the service. */
export interface RegistryPartParts {
  readonly metrics: Registry;
  readonly random: () => number;
  readonly owner: StateOwner;
  /** The service map that is followed now. */
  readonly map: () => ServiceMapSettings | undefined;
  /** The registry has changed what should be connected. */
  readonly changed: () => Promise<void>;
}

/**
 * The registry as the options of a service ask for it; undefined when they do not. Its entries of origin `remote` obey
 * the operator's rules for maps, but run no command at all and read no variable that is not named: nobody signed them.
 */
export function createRegistryPart(
  { registry, settings, baseEnv, logger, version, tracing }: ServiceOptions,
  parts: RegistryPartParts,
): RegistryPart | undefined {
  if (registry === undefined) return undefined;
  const part = new RegistryPart({
    ...registry,
    lockWaitMs: overlapWait(parts.owner),
    // The command line could not ask such a service to write, so it must not hold the lock.
    memoryCache: registry.memoryCache && settings.socketPath === undefined,
    ...parts,
    version,
    logger,
    traced: tracing && createTraced(tracing),
    policy: () => ({
      stateFolder: registry.stateFolder,
      home: baseEnv['HOME'] ?? homedir(),
      trust: {
        allowedHosts: parts.map()?.allowHosts ?? [],
        allowedCommands: [],
        allowedVariables: parts.map()?.allowVariables ?? [],
      },
      sharedKeyFor: [],
      env: baseEnv,
    }),
  });
  parts.owner.onOwned(() => void part.takeOver());
  return part;
}

/** A process that came a moment ago may overlap with the one it replaces, which writes for as long as it answers. */
const OVERLAP_MS = 60_000;
/** Longer than a lame duck. */
const LOCK_WAIT_MS = 15_000;

function overlapWait(owner: StateOwner): () => number {
  const createdAtMs = performance.now();
  return () => {
    const overlaps = !owner.owns && performance.now() - createdAtMs < OVERLAP_MS;
    return overlaps ? LOCK_WAIT_MS : 0;
  };
}
