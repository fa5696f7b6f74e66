import { ConfigError } from '../config/config-error.ts';
import { packageVersion } from '../config/package-version.ts';
import { callCommand } from './call.ts';
import type { CliIo } from './cli-io.ts';
import { type Command, UsageError } from './command.ts';
import { configShowCommand } from './config-show.ts';
import { flagsCommand } from './flags.ts';
import { EXIT_FAILED, EXIT_OK, EXIT_USAGE } from './exit-code.ts';
import { commandHelp, generalHelp } from './help-text.ts';
import { mapKeygenCommand, mapSignCommand, mapVerifyCommand } from './map.ts';
import { parseCommandLine } from './parse-command-line.ts';
import { serveCommand } from './serve.ts';
import { syncCommand } from './sync.ts';
import { createPaint, safeText } from './terminal-text.ts';
import { toolsCommand } from './tools.ts';

const COMMANDS: readonly [Command, ...Command[]] = [
  serveCommand,
  syncCommand,
  toolsCommand,
  callCommand,
  configShowCommand,
  flagsCommand,
  mapSignCommand,
  mapVerifyCommand,
  mapKeygenCommand,
];

function helpText(command: Command | undefined): string {
  return command === undefined ? generalHelp(COMMANDS) : commandHelp(command);
}

/** Every error is one line on stderr; the stack is for `MCP_LOG_LEVEL=debug` and below. */
function report(error: unknown, io: CliIo): number {
  const paint = createPaint({ env: io.env, isTty: io.stderrIsTty });
  const message = error instanceof Error ? error.message : String(error);
  io.stderr.write(`${paint('red', 'cortex-mcp')}: ${safeText(message)}\n`);
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
    const line = parseCommandLine(argv, COMMANDS);
    if (line.kind === 'run') return await line.command.run({ ...line, io });
    io.stdout.write(line.kind === 'version' ? `${packageVersion()}\n` : helpText(line.command));
    return EXIT_OK;
  } catch (error) {
    return report(error, io);
  }
}
