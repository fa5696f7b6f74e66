import { type Command, type CommandContext, UsageError } from './command.ts';

/** What means nothing without a client. */
const CHANGING = ['undo', 'dry-run', 'url', 'header', 'stdio', 'file', 'force'] as const;

async function run(context: CommandContext): Promise<number> {
  const { options, args } = context;
  const [word] = args;
  // The rest needs the registry's code, which takes longer to load than this.
  if (options.has('list') || word === undefined) {
    if (word !== undefined) throw new UsageError('--list shows every client and stands alone');
    const idle = CHANGING.find((name) => options.has(name));
    if (idle !== undefined) throw new UsageError(`--${idle} needs the client that is meant`);
    const { listClients } = await import('./connect-list.ts');
    return await listClients(context);
  }
  if (!options.has('undo')) {
    const { connectClient } = await import('./connect-client.ts');
    return await connectClient(context, word);
  }
  const others = (['url', 'header', 'stdio', 'force'] as const).filter((name) => options.has(name));
  if (others.length > 0) throw new UsageError(`--undo takes no --${others.join(', --')}`);
  const { disconnectClient } = await import('./connect-undo.ts');
  return await disconnectClient(context, word);
}

/** `cortex-mcp connect`: writes this gateway into a client's own file, and takes it out again. */
export const connectCommand: Command = {
  name: 'connect',
  argumentsUsage: '[client]',
  minArguments: 0,
  maxArguments: 1,
  options: [
    'list',
    'dry-run',
    'undo',
    'url',
    'header',
    'stdio',
    'file',
    'force',
    'config',
    'port',
    'host',
    'json',
  ],
  summary: 'Write this gateway into the configuration of a client',
  details: [
    'A client is claude-desktop, claude-code, cursor, vscode, codex or gemini; without one, or with --list,',
    'shows which are found here. Adds one entry, cortex, and keeps everything else, with a dated copy beside',
    'the file. --dry-run shows the lines that would change, --undo takes the entry back.',
  ],
  example: 'cortex-mcp connect cursor --dry-run',
  run,
};
