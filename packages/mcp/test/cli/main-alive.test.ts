import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { repoRoot } from '../architecture/import-graph.ts';

test('a command whose servers all refuse waits for its retries and reports them', () => {
  const main = join(repoRoot, 'packages/mcp/src/cli/main.ts');
  const program = `import { main } from ${JSON.stringify(main)}; main(['sync']).then((code) => process.exit(code));`;
  const config = JSON.stringify({ mcpServers: { web: { url: 'http://127.0.0.1:9/mcp' } } });
  const run = `printf '%s' "$CONFIG" > "$HOME/c.json"; MCP_CONFIG="$HOME/c.json" exec "$NODE" --conditions=cortex-source --input-type=module -e "$PROGRAM"`;
  const script = `HOME="$(mktemp -d)"; export HOME; trap 'rm -rf "$HOME"' EXIT; (${run})`;
  const env = { PATH: '/usr/bin:/bin', CONFIG: config, NODE: process.execPath, PROGRAM: program };
  const { status, stdout } = spawnSync('sh', ['-c', script], { encoding: 'utf8', env });
  expect(stdout).toMatch(/^web +failed.*\(CONNECT_FAILED\)$/m);
  expect(status).toBe(1);
});
