import type { LoadedConfig } from '../config/config.ts';
import { hasRegistry } from '../config/config-source.ts';
import { definedVariables } from '../config/environment.ts';
import type { ConnectorDefinition } from '../connectors/connector.ts';
import type { CliIo } from './cli-io.ts';

/** A connector of this machine, and where it stands. Those of service maps are not known without a running gateway. */
export interface KnownConnector {
  readonly definition: ConnectorDefinition;
  readonly source: 'config' | 'registry';
}

export interface KnownConnectors {
  readonly connectors: readonly KnownConnector[];
  /** One line for each entry of the registry that is not used. */
  readonly warnings: readonly string[];
}

async function ofRegistry(
  io: CliIo,
  { stateFolder, serviceMap }: LoadedConfig,
): Promise<{
  readonly definitions: readonly ConnectorDefinition[];
  readonly warnings: readonly string[];
}> {
  const [{ connectorsOfRegistry }, { locateRegistry }] = await Promise.all([
    import('../service/registry/registry-connectors.ts'),
    import('./registry-location.ts'),
  ]);
  const policy = {
    stateFolder: stateFolder.value,
    home: io.home,
    trust: {
      allowedHosts: serviceMap?.allowHosts ?? [],
      allowedCommands: [],
      allowedVariables: serviceMap?.allowVariables ?? [],
    },
    sharedKeyFor: [],
    env: definedVariables(io.env),
  };
  const { client } = locateRegistry(io);
  return await client.read(
    async (cache) => await connectorsOfRegistry(cache.peekConnectors(), policy),
  );
}

/**
 * The connectors of the configuration file and of the registry, as a gateway of this configuration would read them: one
 * of the file wins over one of the registry with its id. Makes no state folder where there is none.
 */
export async function knownConnectors(io: CliIo, config: LoadedConfig): Promise<KnownConnectors> {
  const own = config.connectors.map((definition) => ({ definition, source: 'config' as const }));
  const { registry, stateFolder } = config;
  if (!registry.enabled.value || !(await hasRegistry(stateFolder.value)))
    return { connectors: own, warnings: [] };
  const { definitions, warnings } = await ofRegistry(io, config);
  const taken = new Set(own.map(({ definition }) => definition.id));
  const more = definitions
    .filter(({ id }) => !taken.has(id))
    .map((definition) => ({ definition, source: 'registry' as const }));
  return { connectors: [...own, ...more], warnings };
}
