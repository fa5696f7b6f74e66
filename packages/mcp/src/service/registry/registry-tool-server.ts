import type { RegistryTools, RegistryToolsOptions } from '@cortex-os/mcp-registry';
import { DEFAULT_TIMEOUTS, type ConnectorDefinition } from '../../connectors/connector.ts';
import type { InProcessServer } from '../../upstream/in-process-upstream.ts';

/** The connector of the registry's own tools; one of the configuration with this id wins. */
export const REGISTRY_CONNECTOR_ID = 'registry';

/** The connector that serves the registry's tools (docs/decisions/0010). */
export const registryToolConnector: ConnectorDefinition = {
  id: REGISTRY_CONNECTOR_ID,
  title: 'Registry',
  description: 'The MCP servers that this gateway knows.',
  origin: 'local',
  enabled: true,
  transport: { kind: 'in-process', server: REGISTRY_CONNECTOR_ID },
  era: 'auto',
  timeouts: DEFAULT_TIMEOUTS,
  problem: undefined,
};

/** The registry's tools as an upstream reaches them. */
export function createRegistryToolServer(
  version: string,
  options: RegistryToolsOptions,
): InProcessServer {
  let tools: Promise<RegistryTools> | undefined;
  // Loaded when somebody asks: a start has no use for it.
  const load = async (): Promise<RegistryTools> => {
    const { createRegistryTools } = await import('@cortex-os/mcp-registry');
    return createRegistryTools(options);
  };
  const loaded = async (): Promise<RegistryTools> => await (tools ??= load());
  return {
    name: 'cortex-mcp-registry',
    version,
    instructions: 'Lists and stores the MCP servers that this gateway knows.',
    list: async () => (await loaded()).definitions,
    call: async (name, args) => await (await loaded()).call(name, args),
  };
}
