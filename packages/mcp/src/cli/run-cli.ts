import { packageVersion } from '../config/package-version.ts';
import type { CliIo } from './cli-io.ts';
import { type Command, UsageError } from './command.ts';
import { EXIT_OK } from './exit-code.ts';
import { commandHelp, familyHelp, generalHelp } from './help-text.ts';
import { type CommandLine, parseCommandLine } from './parse-command-line.ts';
import { reportError } from './report-error.ts';
import { serveCommand } from './serve.ts';

type Commands = readonly [Command, ...Command[]];

const SERVE: Commands = [serveCommand];

async function localCommands(): Promise<Commands> {
  const { MORE_COMMANDS } = await import('./more-commands.ts');
  return [...SERVE, ...MORE_COMMANDS];
}

/** Every command there is, `serve` first. */
export async function allCommands(): Promise<Commands> {
  const { REGISTRY_COMMANDS } = await import('./registry-commands.ts');
  return [...(await localCommands()), ...REGISTRY_COMMANDS];
}

/** Words with which a line needs to know every command. */
const WHOLE: ReadonlySet<string> = new Set(['help', '--help', '-h', 'registry', 'connectors']);

/** The fewest commands that a line can be one of. */
async function candidates(argv: readonly string[]): Promise<Commands> {
  const [first = 'serve'] = argv;
  return first === 'serve' || first.startsWith('-') ? SERVE : await localCommands();
}

/** Loads only what the line needs; one that cannot be understood is judged by all commands. @throws UsageError */
async function understand(argv: readonly string[]): Promise<CommandLine> {
  if (!argv.some((word) => WHOLE.has(word))) {
    try {
      return parseCommandLine(argv, await candidates(argv));
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
    }
  }
  return parseCommandLine(argv, await allCommands());
}

async function helpText(line: Extract<CommandLine, { kind: 'help' }>): Promise<string> {
  if ('family' in line) return familyHelp(line.family);
  const { command } = line;
  return command === undefined ? generalHelp(await allCommands()) : commandHelp(command);
}

/** Whether JSON is wanted by a line that may not be understood. */
function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return (end === -1 ? argv : argv.slice(0, end)).includes('--json');
}

/**
 * Runs one command line (without `node` and the program's name) and returns the exit code: 0 done, 1 failed,
 * 2 wrong command line or configuration, 128 + n on a signal. Never rejects. A command that fails throws; what is said
 * of it, and with `--json` printed, is the same for all of them.
 */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  try {
    const line = await understand(argv);
    if (line.kind === 'run') return await line.command.run({ ...line, io });
    const isVersion = line.kind === 'version';
    io.stdout.write(isVersion ? `${packageVersion()}\n` : await helpText(line));
    return EXIT_OK;
  } catch (error) {
    return await reportError(error, io, wantsJson(argv));
  }
}
