import { isAbsolute, relative } from 'node:path';
import type { LoadedConfig } from '../config/config.ts';
import { ownCommand, quoted } from './connect-command.ts';

/** What to do with a gateway that has no connectors. */
export function emptyHint(cwd: string): string {
  const program = ownCommand(cwd).shown;
  return [
    'There are no connectors yet. Add one, and it is connected at once:',
    `  ${program} connectors add memory -- npx -y @modelcontextprotocol/server-memory`,
    `  ${program} connectors add github --url https://api.githubcopilot.com/mcp/ --header 'Authorization=Bearer …'`,
    `Or see what the clients on this machine have: ${program} registry import`,
    '',
  ].join('\n');
}

/** Options with which another command finds this gateway, where it was not started by defaults alone. */
function sameGateway(
  cwd: string,
  { configPath, configOrigin, settings }: LoadedConfig,
  endpoint: string,
): string {
  const inside = relative(cwd, configPath);
  const path = inside.startsWith('..') || isAbsolute(inside) ? configPath : inside;
  const config = configOrigin.kind === 'flag' ? ` --config ${quoted(path)}` : '';
  const { port, host } = settings;
  const isGiven = port.origin.kind === 'flag' || port.value === 0;
  return [
    config,
    isGiven ? ` --port ${new URL(endpoint).port}` : '',
    host.origin.kind === 'flag' ? ` --host ${quoted(host.value)}` : '',
  ].join('');
}

/** The line that names the command which writes a client's file. */
export function connectHint(cwd: string, config: LoadedConfig, endpoint: string): string {
  const clients = 'claude-desktop, claude-code, cursor, vscode, codex or gemini';
  const line = `${ownCommand(cwd).shown} connect <client>${sameGateway(cwd, config, endpoint)}`;
  return `Or let it write the client's file: ${line}\n  (${clients})\n`;
}
