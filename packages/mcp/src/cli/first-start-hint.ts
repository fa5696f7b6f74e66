import { ownCommand } from './connect-command.ts';

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

/** The line that names the command which writes a client's file. */
export function connectHint(cwd: string): string {
  const clients = 'claude-desktop, claude-code, cursor, vscode, codex or gemini';
  return `Or let it write the client's file: ${ownCommand(cwd).shown} connect <client>\n  (${clients})\n`;
}
