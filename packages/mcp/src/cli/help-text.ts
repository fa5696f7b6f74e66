import { OPTIONS, type OptionName } from './command-option.ts';
import type { Command } from './command.ts';

/** What the general help shows; the others are explained with their command. */
const COMMON_OPTIONS: readonly OptionName[] = ['config', 'port', 'host', 'json'];

function optionRow(name: OptionName): readonly [usage: string, meaning: string] {
  const { usage, meaning } = OPTIONS[name];
  return [usage, meaning];
}

/** What is longer has a line of its own, so that the other column begins where a narrow terminal still shows it. */
const MAX_LEFT = 33;

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const lengths = rows.map(([left]) => left.length);
  const width = Math.max(...lengths.filter((length) => length <= MAX_LEFT));
  return rows.flatMap(([left, right]) =>
    left.length > width
      ? [`  ${left}`, `  ${' '.repeat(width)}  ${right}`]
      : [`  ${left.padEnd(width)}  ${right}`],
  );
}

function nameAndArguments({ name, argumentsUsage }: Command): string {
  return `${name} ${argumentsUsage}`.trimEnd();
}

/** Help for one command, with an example. */
export function commandHelp(command: Command): string {
  const options = [...command.options.map(optionRow), ['-h, --help', 'this text'] as const];
  return [
    `${command.summary}.`,
    '',
    `Usage: cortex-mcp ${nameAndArguments(command)} [options]`,
    '',
    ...command.details,
    '',
    'Options:',
    ...columns(options),
    '',
    'Example:',
    `  ${command.example}`,
    '',
  ].join('\n');
}

/** The commands that begin with one word, with the first one's example. */
export function familyHelp(commands: readonly [Command, ...Command[]]): string {
  const [first] = commands;
  return [
    'Commands:',
    ...columns(commands.map((command) => [nameAndArguments(command), command.summary])),
    '',
    `More of each: cortex-mcp help ${first.name}`,
    '',
    'Example:',
    `  ${first.example}`,
    '',
  ].join('\n');
}

/** The list of commands, options, variables and exit codes. */
export function generalHelp(commands: readonly Command[]): string {
  return [
    'Cortex MCP: one MCP endpoint in front of many MCP servers.',
    '',
    'Usage: cortex-mcp [command] [options]',
    '',
    'Commands:',
    ...columns([
      ...commands.map((command): [string, string] => [
        nameAndArguments(command),
        command.summary + (command === commands[0] ? ' (the default)' : ''),
      ]),
      ['help <command>', 'Explain a command'],
    ]),
    '',
    'Options:',
    ...columns([
      ...COMMON_OPTIONS.map(optionRow),
      ['-h, --help', 'this text, or that of a command'],
      ['-v, --version', 'the version'],
    ]),
    '',
    'Configuration: --config, else MCP_CONFIG, else ./cortex-mcp.json, else config.json in the state',
    "folder. A client's own file (Claude, Cursor, VS Code) is accepted. A flag wins over a variable",
    '(MCP_PORT, MCP_HOST, MCP_LOG_LEVEL, …), a variable over the file.',
    '',
    'Exit codes: 0 done; 1 something failed; 2 wrong command line or configuration, or port in use;',
    '130 or 143 when sync, tools or call are stopped by a signal. A failure names a code: cortex-mcp explain;',
    'with --json it is one object on stdout: {"error": {"code", "message", "remedy", "docs"}}.',
    '',
    'Example:',
    '  cortex-mcp --config ~/.cursor/mcp.json --port 4000',
    '',
  ].join('\n');
}
