import { ConfigError } from '../config/config-error.ts';
import { packageVersion } from '../config/package-version.ts';
import type { CliIo } from './cli-io.ts';
import { type Command, UsageError } from './command.ts';
import { EXIT_FAILED, EXIT_OK, EXIT_USAGE } from './exit-code.ts';
import { commandHelp, familyHelp, generalHelp } from './help-text.ts';
import { type CommandLine, parseCommandLine } from './parse-command-line.ts';
import { serveCommand } from './serve.ts';
import { createPaint, safeText } from './terminal-text.ts';

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

/** ` (KEY_UNKNOWN)`, for an error whose code `cortex-mcp explain` knows; empty for others, and for the command line. */
async function codeOf(error: unknown): Promise<string> {
  if (!(error instanceof Error) || !('code' in error) || error instanceof UsageError) return '';
  const { findError } = await import('../protocol/errors/all-errors.ts');
  const name = findError(String(error.code))?.name;
  return name === undefined || error.message.includes(name) ? '' : ` (${name})`;
}

/** Every error is one line on stderr, with its code; the stack is for `MCP_LOG_LEVEL=debug` and below. */
async function report(error: unknown, io: CliIo): Promise<number> {
  const paint = createPaint({ env: io.env, isTty: io.stderrIsTty });
  const message = error instanceof Error ? error.message : String(error);
  const code = await codeOf(error);
  io.stderr.write(`${paint('red', 'cortex-mcp')}: ${safeText(message)}${code}\n`);
  if (error instanceof UsageError || error instanceof ConfigError) return EXIT_USAGE;
  const level = io.env['MCP_LOG_LEVEL'];
  if (error instanceof Error && (level === 'debug' || level === 'trace')) {
    io.stderr.write(`${error.stack ?? ''}\n`);
  }
  return EXIT_FAILED;
}

/**
 * Runs one command line (without `node` and the program's name) and returns the exit code: 0 done, 1 failed,
 * 2 wrong command line or configuration, 128 + n on a signal. Never rejects.
 */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  try {
    const line = await understand(argv);
    if (line.kind === 'run') return await line.command.run({ ...line, io });
    const isVersion = line.kind === 'version';
    io.stdout.write(isVersion ? `${packageVersion()}\n` : await helpText(line));
    return EXIT_OK;
  } catch (error) {
    return await report(error, io);
  }
}
