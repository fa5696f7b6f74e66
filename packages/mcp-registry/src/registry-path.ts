import { join, resolve } from 'node:path';

/** The environment variables that say where the registry lies. */
export interface PathEnvironment {
  readonly CORTEX_HOME?: string | undefined;
  readonly XDG_CONFIG_HOME?: string | undefined;
  readonly HOME?: string | undefined;
}

/**
 * The path of `servers.json`: `$CORTEX_HOME/mcp`, else `$XDG_CONFIG_HOME/cortex-os/mcp`, else
 * `$HOME/.config/cortex-os/mcp`, else `./.config/cortex-os/mcp`. Empty variables count as unset.
 */
export function registryPath(environment: PathEnvironment): string {
  const { CORTEX_HOME: cortex, XDG_CONFIG_HOME: xdg, HOME: home } = environment;
  if (cortex) return resolve(cortex, 'mcp', 'servers.json');
  const config = xdg ? xdg : join(home ? home : '.', '.config');
  return resolve(config, 'cortex-os', 'mcp', 'servers.json');
}
