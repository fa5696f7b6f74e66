import { resolve } from 'node:path';
import { openSecretFolder, takeSecrets, type ServerRecord } from '@cortex-os/mcp-registry';
import { isConnectorId, slug } from '../config/connector-id.ts';
import { type Command, type CommandContext, UsageError } from './command.ts';
import { EXIT_OK } from './exit-code.ts';
import { keyValuePairs } from './key-value-pairs.ts';
import { printResult } from './print-result.ts';
import { locateRegistry } from './registry-location.ts';
import { orphanedSecrets } from './registry-secrets.ts';
import { safeText } from './terminal-text.ts';

function httpUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new UsageError('--url needs an http or https address');
  }
  if (url.username !== '' || url.password !== '') {
    throw new UsageError('--url must hold no credentials; give them with --header Authorization=…');
  }
  return url.href;
}

/** Only what is given, so that a record has no empty members. */
function unlessEmpty<T extends object>(key: string, values: T): Record<string, T> {
  return Object.keys(values).length === 0 ? {} : { [key]: values };
}

/** How to reach it, as the command line says. @throws UsageError */
function reach({ io, options, args: [name = ''], rest }: CommandContext): ServerRecord {
  const url = options.text('url');
  const env = keyValuePairs(options.all('env'), 'env');
  const headers = keyValuePairs(options.all('header'), 'header');
  const cwd = options.text('cwd');
  if ((url === undefined) === (rest.length === 0)) {
    throw new UsageError('give either --url <address> or -- <command> [arguments]');
  }
  if (url !== undefined) {
    if (Object.keys(env).length > 0 || cwd !== undefined) {
      throw new UsageError('--env and --cwd are for commands; a server by --url takes --header');
    }
    return {
      name,
      transport: 'streamableHttp',
      endpoint: httpUrl(url),
      ...unlessEmpty('headers', headers),
    };
  }
  if (Object.keys(headers).length > 0) throw new UsageError('--header is for servers by --url');
  const [command = '', ...args] = rest;
  return {
    name,
    transport: 'stdio',
    command,
    ...(args.length > 0 && { args }),
    ...unlessEmpty('env', env),
    cwd: resolve(io.cwd, cwd ?? '.'),
  };
}

async function add(context: CommandContext): Promise<number> {
  const { io, options, args } = context;
  const [name = ''] = args;
  if (name.trim() === '' || name.length > 256) throw new UsageError('the name must not be empty');
  const { client, stateFolder } = locateRegistry(io);
  const folder = openSecretFolder(stateFolder);
  const wanted: ServerRecord = {
    ...reach(context),
    origin: 'local',
    connector: {},
    ...(options.has('disabled') && { enabled: false }),
  };
  const { record, secrets } = await takeSecrets(wanted, folder);
  // The files first: a record never refers to a secret that is not there.
  for (const { file, value } of secrets) await folder.create(file, value);
  try {
    const { via, value: orphans } = await client.change((cache) => {
      const known = cache.versions(name);
      if (known.length > 0 && !options.has('force')) {
        throw new UsageError(
          `there is a server called ${name}`,
          'NAME_TAKEN',
          'replace it with --force',
        );
      }
      const replaced = known.filter(({ server }) => server === undefined);
      return { put: [record], value: orphanedSecrets(cache, replaced, [record]) };
    });
    for (const file of orphans) await folder.remove(file);
    const id = isConnectorId(name) ? name : slug(name);
    const moved = secrets.map(({ label }) => label);
    const lines = moved.length > 0 ? `moved to secrets/: ${safeText(moved.join(', '))}\n` : '';
    const now = via === 'service' ? ', and the running gateway connects it' : '';
    const added = { action: 'added', id, moved, running: via === 'service' };
    printResult(context, added, `${lines}added ${id}${now}\n`);
    return EXIT_OK;
  } catch (error) {
    for (const { file } of secrets) await folder.remove(file);
    throw error;
  }
}

export const connectorsAddCommand: Command = {
  name: 'connectors add',
  argumentsUsage: '<name> (--url <address> | -- <command> [args…])',
  minArguments: 1,
  maxArguments: 1,
  takesRest: true,
  options: ['url', 'header', 'env', 'cwd', 'disabled', 'force', 'json'],
  summary: 'Add a connector to the registry',
  details: [
    'A running gateway connects it within a second or two. Values of --header and --env that look like',
    'secrets go into files of their own in secrets/ (0600); the registry only refers to them.',
  ],
  example: 'cortex-mcp connectors add memory -- npx -y @modelcontextprotocol/server-memory',
  run: add,
};
