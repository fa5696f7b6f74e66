import type { ConnectorLogin, ConnectorLoginOptions } from './connector-login.ts';
import type { RegistryServer, RegistryServerOptions } from './registry/registry-server.ts';
import type { ServeStdioOptions, StdioEnd } from '../gateway/bridge/stdio.ts';

/** What is served besides the gateway itself. Loaded when it is asked for: most starts need neither. */

/** The registry API alone. */
export async function createRegistryServer(
  options: RegistryServerOptions,
): Promise<RegistryServer> {
  const { createRegistryServer: create } = await import('./registry/registry-server.ts');
  return create(options);
}

/** MCP over stdin and stdout, for desktop clients. */
export async function serveStdio(options: ServeStdioOptions): Promise<StdioEnd> {
  const { serveStdio: serve } = await import('../gateway/bridge/stdio.ts');
  return await serve(options);
}

/** Logging in to the servers of connectors, without a gateway. */
export async function openConnectorLogin(options: ConnectorLoginOptions): Promise<ConnectorLogin> {
  const { createConnectorLogin } = await import('./connector-login.ts');
  return createConnectorLogin(options);
}
