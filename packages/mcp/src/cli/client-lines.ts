import type { Paint } from './terminal-text.ts';

/** The lines to paste into clients, each on a line of its own so that it can be copied whole. */
export function clientLines(endpoint: string, paint: Paint): string {
  const vsCode = { type: 'http', url: endpoint };
  const lines: readonly (readonly [string, string])[] = [
    ['Claude Code', `claude mcp add --transport http cortex ${endpoint}`],
    ['Cursor (.cursor/mcp.json)', JSON.stringify({ mcpServers: { cortex: { url: endpoint } } })],
    ['VS Code', `code --add-mcp '${JSON.stringify({ name: 'cortex', ...vsCode })}'`],
    ['VS Code (.vscode/mcp.json)', JSON.stringify({ servers: { cortex: vsCode } })],
  ];
  return lines.map(([client, line]) => `${paint('dim', client)}\n  ${line}\n`).join('');
}
