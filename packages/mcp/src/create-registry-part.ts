import { homedir } from 'node:os';
import type { Registry } from 'prom-client';
import type { ServiceMapSettings } from './connectors/map-settings.ts';
import { RegistryPart } from './registry-part.ts';
import type { ServiceOptions } from './service-options.ts';

/** What the registry shares with the rest of the service. */
export interface RegistryPartParts {
  readonly metrics: Registry;
  readonly random: () => number;
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
  { registry, settings, baseEnv, logger, version }: ServiceOptions,
  parts: RegistryPartParts,
): RegistryPart | undefined {
  if (registry === undefined) return undefined;
  return new RegistryPart({
    ...registry,
    // The command line could not ask such a service to write, so it must not hold the lock.
    memoryCache: registry.memoryCache && settings.socketPath === undefined,
    ...parts,
    version,
    logger,
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
}
