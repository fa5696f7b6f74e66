import type { Command, OptionName } from './command.ts';

const OPTION_LINES: Readonly<Record<OptionName, readonly [usage: string, meaning: string]>> = {
  config: ['--config <file>', "this file instead of ./cortex-mcp.json or the state folder's"],
  port: ['--port <number>', 'listen here (3024); 0 takes a free port'],
  host: ['--host <address>', 'listen on this loopback address (127.0.0.1)'],
  json: ['--json', 'print JSON'],
  'key-file': ['--key-file <file>', 'key of a service map, instead of CONNECTORS_SIGNATURE_KEY'],
  ed25519: ['--ed25519', 'a key pair, where only the signer can sign'],
  kid: ['--kid <id>', 'name of the signing key, written into the map'],
};

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}

function usageOf(command: Command): string {
  return `cortex-mcp ${command.name} ${command.argumentsUsage}`.trimEnd();
}

/** Help for one command, with an example. */
export function commandHelp(command: Command): string {
  const options = [
    ...command.options.map((name) => OPTION_LINES[name]),
    ['-h, --help', 'this text'] as const,
  ];
  return [
    `${command.summary}.`,
    '',
    `Usage: ${usageOf(command)} [options]`,
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
        `${command.name} ${command.argumentsUsage}`.trimEnd(),
        command.summary + (command === commands[0] ? ' (the default)' : ''),
      ]),
      ['help <command>', 'Explain a command'],
    ]),
    '',
    'Options:',
    ...columns([
      ...Object.values(OPTION_LINES),
      ['-h, --help', 'this text, or that of a command'],
      ['-v, --version', 'the version'],
    ]),
    '',
    'Configuration: --config, else MCP_CONFIG, else ./cortex-mcp.json, else config.json in the state',
    "folder. A client's own file (Claude, Cursor, VS Code) is accepted. A flag wins over a variable",
    '(MCP_PORT, MCP_HOST, MCP_LOG_LEVEL, …), a variable over the file.',
    '',
    'Exit codes: 0 done; 1 something failed; 2 wrong command line or configuration, or port in use;',
    '130 or 143 when sync, tools or call are stopped by a signal.',
    '',
    'Example:',
    '  cortex-mcp --config ~/.cursor/mcp.json --port 4000',
    '',
  ].join('\n');
}
