import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { type LoadedConfig, loadConfig } from '../config/config.ts';
import type { ConnectClient, Reach } from './connect-clients.ts';
import { ownCommand } from './connect-command.ts';
import { type CommandContext, UsageError } from './command.ts';
import { keyValuePairs } from './key-value-pairs.ts';

/** Variables that decide where our state is: a client may start us without them. */
const PLACE_VARIABLES = ['CORTEX_HOME', 'XDG_CONFIG_HOME'] as const;
const ANY_ADDRESS: ReadonlySet<string> = new Set(['0.0.0.0', '::', '[::]']);

/** What the gateway is told to be where this command runs; an empty one where nothing is configured. */
async function configHere({ io, flags }: CommandContext): Promise<LoadedConfig> {
  const { env, cwd, home } = io;
  return await loadConfig({ flags, env, cwd, home, orEmpty: true });
}

function endpointOf({ settings }: LoadedConfig): string {
  const port = settings.port.value;
  if (port === 0)
    throw new UsageError('the configured port is 0, any free one; give the address with --url');
  const host = settings.host.value;
  const name = ANY_ADDRESS.has(host) ? '127.0.0.1' : host;
  return `http://${name.includes(':') && !name.startsWith('[') ? `[${name}]` : name}:${port}/mcp`;
}

function givenUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new UsageError(`--url ${JSON.stringify(text)} is no http or https address`);
  if (url.username !== '' || url.password !== '')
    throw new UsageError('--url must hold no credentials; give them with --header Authorization=…');
  if (url.pathname === '/') url.pathname = '/mcp';
  return url.href;
}

async function realFile(path: string): Promise<string> {
  return await realpath(path).catch(() => path);
}

async function stdioReach(context: CommandContext, config: LoadedConfig): Promise<Reach> {
  const { io, options } = context;
  const url = options.text('url');
  const { command, args } = ownCommand(io.cwd);
  const own = join(config.stateFolder.value, 'config.json');
  const named = config.configPath === own ? [] : ['--config', config.configPath];
  const where = url === undefined ? named : ['--url', givenUrl(url)];
  const env = Object.fromEntries(
    PLACE_VARIABLES.flatMap((name) => {
      const value = io.env[name];
      return value === undefined || value === '' ? [] : [[name, value]];
    }),
  );
  return { kind: 'stdio', command, args: [...args, 'stdio', ...where], env };
}

/**
 * How a client is to reach the gateway that is configured here: its address, or `cortex-mcp stdio` where the client
 * starts programs only or `--stdio` asks for it.
 * @throws UsageError for options that do not fit; ConfigError.
 */
export async function reachFor(context: CommandContext, client: ConnectClient): Promise<Reach> {
  const { options } = context;
  const config = await configHere(context);
  if ((await realFile(config.configPath)) === (await realFile(client.file))) {
    throw new UsageError(
      `${client.file} is the configuration in use, so the gateway would connect to itself; ` +
        'import it first (cortex-mcp registry import), or name another with --config',
    );
  }
  const headers = keyValuePairs(options.all('header'), 'header');
  if (client.stdioOnly || options.has('stdio')) {
    if (Object.keys(headers).length > 0)
      throw new UsageError(`--header is for addresses, and ${client.title} starts a program here`);
    return await stdioReach(context, config);
  }
  const url = options.text('url');
  return { kind: 'http', url: url === undefined ? endpointOf(config) : givenUrl(url), headers };
}

/** Whether the gateway that is configured here wants to know who asks. */
export async function wantsKey(context: CommandContext): Promise<boolean> {
  const { access } = await configHere(context);
  return access.apiKey.value !== undefined || access.oauth.value !== undefined;
}
