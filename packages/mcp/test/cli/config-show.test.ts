import { expect, test } from 'vitest';
import { cliBench } from './fake-io.ts';

const CONNECTORS = {
  web: { url: 'https://u:s3cret@h.example/mcp?k=s3cret', headers: { 'X-Key': 's3cret' } },
  local: { command: 'npx', args: ['x'], env: { TOKEN: 's3cret' } },
  sized: { command: 'node', args: ['x.js'], memory: { tier: 'light' } },
  off: { command: 'x', disabled: true },
  broken: { command: '${NOPE}' },
};

test('config show lists values with their origin and hides secrets', async () => {
  await using bench = await cliBench({ env: { MCP_HOST: 'localhost' } });
  await bench.configure(CONNECTORS, { unknwon: 1, syncConcurrency: 3 });
  expect(await bench.run('config', 'show', '--port', '5')).toBe(0);
  const { text } = bench.stdout;
  expect(text).toMatch(/^port\s+5\s+--port$/m);
  expect(text).toMatch(/^host\s+localhost\s+MCP_HOST$/m);
  expect(text).toMatch(/^syncConcurrency\s+3\s+\/.*cortex-mcp\.json$/m);
  expect(text).toMatch(/^separator\s+__\s+default$/m);
  expect(text).toMatch(/^MCP_LIST_PREBUILT\s+true\s+default$/m);
  expect(text).toMatch(
    /^web\s+enabled\s+http\s+auto\s+https:\/\/h\.example\/mcp\?\[redacted\] X-Key: \[redacted\]/m,
  );
  expect(text).toMatch(/^local\s+enabled\s+stdio\s+auto\s+TOKEN=\[redacted\] npx x$/m);
  expect(text).toMatch(/^sized .* node x\.js \(heap 350 MiB, semi-space 16 MiB\)$/m);
  expect(text).toMatch(/^off\s+disabled/m);
  expect(text).toMatch(/^broken\s+unavailable\s+-\s+auto\s+\$\{NOPE\} has no value/m);
  expect(text).not.toContain('s3cret');
  expect(text).not.toContain('\u001b');
  expect(bench.stderr.text).toMatch(/^warning: .*unknown key "unknwon"\n$/);
});

test('config show --json is one JSON document without secrets', async () => {
  await using bench = await cliBench();
  await bench.configure(CONNECTORS);
  expect(await bench.run('config', 'show', '--json')).toBe(0);
  expect(bench.stdout.text).not.toContain('s3cret');
  expect(JSON.parse(bench.stdout.text)).toMatchObject({
    configPath: `${bench.path}/cortex-mcp.json`,
    settings: { port: { value: 3024, origin: { kind: 'default' } } },
    flags: { MCP_LIST_PREBUILT: { value: true } },
    connectors: [
      { id: 'web' },
      { id: 'local' },
      { id: 'sized', memory: { tier: 'light', heapMiB: 350 } },
      { id: 'off', enabled: false },
      { id: 'broken' },
    ],
  });
});

test('config show is coloured on a terminal and cut to its width', async () => {
  await using bench = await cliBench({ isTty: true, columns: 60, env: {} });
  await bench.configure({ long: { command: 'x', args: ['y'.repeat(100)] } });
  expect(await bench.run('config', 'show')).toBe(0);
  expect(bench.stdout.text).toContain('\u001b[32menabled');
  expect(bench.stdout.text).toContain('y…');
});
