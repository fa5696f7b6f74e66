import { access } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type ConfigDocument, parseConfigText, readConfigDocument } from './config-document.ts';
import { ConfigError } from './config-error.ts';
import { readVariable } from './environment.ts';
import { type ConfigSearch, locateConfig, stateFolder } from './locate-config.ts';
import type { SettingOrigin } from './setting.ts';

/** The configuration file, read, and how it was found. */
export interface ConfigSource {
  readonly document: ConfigDocument;
  readonly origin: SettingOrigin;
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    // Not there, or hidden from us.
    return false;
  }
}

/** Whether the state folder holds a registry, which can be all the configuration there is. */
export async function hasRegistry(folder: string): Promise<boolean> {
  for (const name of ['servers.json', 'servers.log', 'servers.json.prev']) {
    if (await exists(join(folder, name))) return true;
  }
  return false;
}

/**
 * Finds and reads the configuration file. Without one, but with a registry in the state folder or with `orEmpty`, an
 * empty file in its place: after `cortex-mcp connectors add` nothing else is needed.
 * @throws ConfigError
 */
export async function readConfigSource(
  search: ConfigSearch & { readonly orEmpty?: boolean | undefined },
): Promise<ConfigSource> {
  try {
    const located = await locateConfig(search);
    return { document: await readConfigDocument(located.value), origin: located.origin };
  } catch (error) {
    const folder = stateFolder(search).value;
    const standard = join(folder, 'config.json');
    const named = search.flag ?? readVariable(search.env, 'MCP_CONFIG');
    const another = named !== undefined && resolve(search.cwd, named) !== standard;
    const missing = error instanceof ConfigError && error.code === 'CONFIG_NOT_FOUND';
    if (another || !missing) throw error;
    if (search.orEmpty !== true && !(await hasRegistry(folder))) throw error;
    return {
      document: parseConfigText(standard, '{"registry":{}}'),
      origin: { kind: 'default' },
    };
  }
}
