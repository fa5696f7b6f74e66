import { access } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { ConfigError } from './config-error.ts';
import { type Environment, readVariable } from './environment.ts';
import type { Setting, SettingOrigin } from './setting.ts';

/** The file looked for in the working folder. */
export const CONFIG_FILE_NAME = 'cortex-mcp.json';
/** The file looked for in the state folder. */
const STATE_CONFIG_NAME = 'config.json';

const MINIMAL_CONFIG =
  '{"mcpServers":{"memory":{"command":"npx","args":["-y","@modelcontextprotocol/server-memory"]}}}';

/** Where the parts of a configuration are looked for. */
export interface ConfigSearch {
  /** `--config` */
  readonly flag: string | undefined;
  readonly env: Environment;
  readonly cwd: string;
  readonly home: string;
}

/** `$CORTEX_HOME/mcp`, else `$XDG_CONFIG_HOME/cortex-os/mcp`, else `~/.config/cortex-os/mcp` (contract.md). */
export function stateFolder(search: ConfigSearch): Setting<string> {
  const cortexHome = readVariable(search.env, 'CORTEX_HOME');
  if (cortexHome !== undefined) {
    const value = resolve(search.cwd, cortexHome, 'mcp');
    return { value, origin: { kind: 'environment', variable: 'CORTEX_HOME' } };
  }
  const xdg = readVariable(search.env, 'XDG_CONFIG_HOME');
  // The XDG base directory specification has relative paths ignored.
  if (xdg !== undefined && isAbsolute(xdg)) {
    const value = join(xdg, 'cortex-os', 'mcp');
    return { value, origin: { kind: 'environment', variable: 'XDG_CONFIG_HOME' } };
  }
  const value = join(search.home, '.config', 'cortex-os', 'mcp');
  return { value, origin: { kind: 'default' } };
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    // Not there, or hidden from us: the search goes on either way.
    return false;
  }
}

function named(search: ConfigSearch): { path: string; origin: SettingOrigin } | undefined {
  if (search.flag !== undefined) {
    return { path: search.flag, origin: { kind: 'flag', name: '--config' } };
  }
  const variable = readVariable(search.env, 'MCP_CONFIG');
  if (variable === undefined) return undefined;
  return { path: variable, origin: { kind: 'environment', variable: 'MCP_CONFIG' } };
}

/**
 * The configuration file: `--config`, else `MCP_CONFIG`, else `./cortex-mcp.json`, else the state folder's
 * `config.json`. A named file is taken whether it is there or not.
 * @throws ConfigError `CONFIG_NOT_FOUND`, showing a minimal file.
 */
export async function locateConfig(search: ConfigSearch): Promise<Setting<string>> {
  const explicit = named(search);
  if (explicit !== undefined) {
    return { value: resolve(search.cwd, explicit.path), origin: explicit.origin };
  }
  const candidates = [
    resolve(search.cwd, CONFIG_FILE_NAME),
    join(stateFolder(search).value, STATE_CONFIG_NAME),
  ];
  for (const value of candidates) {
    if (await exists(value)) return { value, origin: { kind: 'default' } };
  }
  throw new ConfigError(
    'CONFIG_NOT_FOUND',
    `no configuration found (looked for ${candidates.join(' and ')})`,
    `name one with --config, add a server with cortex-mcp connectors add, or write ./${CONFIG_FILE_NAME}: ${MINIMAL_CONFIG}`,
  );
}
