import { startUpstream } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { cliBench, memoryServer, missingServer, silentServer } from './fake-io.ts';

async function* parts(): AsyncGenerator<string | Uint8Array> {
  yield Buffer.from('{"message":');
  yield '"from stdin"}';
}

async function* flood(): AsyncGenerator<string> {
  for (;;) yield 'x'.repeat(1024 * 1024);
}

test('sync reports every connector and exits 1 when one failed', async () => {
  await using bench = await cliBench();
  await using web = await startUpstream({ kind: 'modern-http', toolCount: 2 });
  await bench.configure({
    memory: memoryServer(bench.path),
    web: { url: web.url },
    missing: missingServer,
    off: { command: 'x', disabled: true },
    unset: { command: '${NOPE}' },
  });
  expect(await bench.run('sync')).toBe(1);
  const { text } = bench.stdout;
  expect(text).toMatch(/^memory\s+synced\s+legacy\s+\d+\s+0\s+\d+\s+[\d.]+ m?s$/m);
  expect(text).toMatch(/^web\s+synced\s+modern\s+\d+/m);
  expect(text).toMatch(/^missing\s+failed.*spawn: .*\(SPAWN_FAILED\)$/m);
  expect(text).toMatch(/^off\s+disabled$/m);
  expect(text).toMatch(/^unset\s+failed.*config: \$\{NOPE\} has no value.*\(CONFIG_INVALID\)$/m);
  expect(text).toMatch(/^5 connectors, 2 failed, /m);
});

test('sync --json prints the report and exits 0 when all is well', async () => {
  await using bench = await cliBench();
  await using web = await startUpstream({ kind: 'legacy-http-session' });
  await bench.configure({ web: { url: web.url } });
  expect(await bench.run('sync', '--json')).toBe(0);
  expect(JSON.parse(bench.stdout.text)).toMatchObject({
    outcomes: [{ kind: 'synced', id: 'web', era: 'legacy' }],
  });
  expect(web.open.sessions).toBe(0);
});

test('sync ends with the code of the signal and leaves no process behind', async () => {
  await using bench = await cliBench();
  await bench.configure({ silent: silentServer });
  const running = bench.run('sync');
  bench.stop('SIGTERM');
  expect(await running).toBe(143);
  await using early = await cliBench();
  await early.configure({ silent: silentServer });
  early.stop('SIGINT');
  expect(await early.run('tools')).toBe(130);
});

test('tools lists the names that clients see, and names connectors that are missing on stderr', async () => {
  await using bench = await cliBench();
  await bench.configure({ memory: memoryServer(bench.path), missing: missingServer });
  expect(await bench.run('tools')).toBe(0);
  expect(bench.stdout.text).toMatch(/^memory__create_entities\s+Create/m);
  expect(bench.stderr.text).toMatch(
    /^cortex-mcp: missing is unavailable: spawn: .*\nmissing: .* \(cortex-mcp explain SPAWN_FAILED\)\n$/,
  );
});

test('tools --json prints name, connector and description; exit code 1 when nothing can be reached', async () => {
  await using bench = await cliBench();
  await bench.configure({ memory: memoryServer(bench.path) });
  expect(await bench.run('tools', '--json')).toBe(0);
  expect(JSON.parse(bench.stdout.text)).toContainEqual(
    expect.objectContaining({ name: 'memory__read_graph', connectorId: 'memory' }),
  );
  await bench.configure({ missing: missingServer });
  expect(await bench.run('tools')).toBe(1);
});

test('call prints the texts of a result, or the whole result with --json', async () => {
  await using bench = await cliBench();
  await using web = await startUpstream({ kind: 'modern-http' });
  await bench.configure({ web: { url: web.url }, missing: missingServer });
  expect(await bench.run('call', 'web__echo', '{"message":"hello"}')).toBe(0);
  expect(bench.stdout.text).toContain('hello');
  // Only the connector that is asked is started: the missing one is not even tried.
  expect(bench.stderr.text).toBe('');
  const before = bench.stdout.text.length;
  expect(await bench.run('call', 'web__echo', '{"message":"hello"}', '--json')).toBe(0);
  expect(JSON.parse(bench.stdout.text.slice(before))).toMatchObject({
    content: [{ type: 'text' }],
  });
});

test('call reads its arguments from stdin with -, within the limit', async () => {
  await using bench = await cliBench({ stdin: parts() });
  await using web = await startUpstream({ kind: 'legacy-http-stateless' });
  await bench.configure({ web: { url: web.url } });
  expect(await bench.run('call', 'web__echo', '-')).toBe(0);
  expect(bench.stdout.text).toContain('from stdin');
  await using flooded = await cliBench({ stdin: flood() });
  expect(await flooded.run('call', 'web__echo', '-')).toBe(2);
  expect(flooded.stderr.text).toContain('larger than');
});

test('call of a tool that is not there names the nearest one and exits 1', async () => {
  await using bench = await cliBench();
  await bench.configure({ memory: memoryServer(bench.path), missing: missingServer });
  expect(await bench.run('call', 'memory__read_grap')).toBe(1);
  expect(bench.stderr.text).toContain(
    'there is no tool "memory__read_grap"; did you mean memory__read_graph?',
  );
  expect(await bench.run('call', 'zzz')).toBe(1);
  expect(bench.stderr.text).toContain('missing is unavailable');
  expect(bench.stderr.text).toContain('see cortex-mcp tools');
});

test('call exits 1 when the tool says so and when the call fails', async () => {
  await using bench = await cliBench();
  await using web = await startUpstream({ kind: 'modern-http' });
  await bench.configure({ web: { url: web.url } });
  expect(await bench.run('call', 'web__fail')).toBe(1);
  expect(bench.stdout.text).not.toBe('');
  expect(bench.stderr.text).toBe('');
  expect(await bench.run('call', 'web__echo', '{"message":{"not":"text"}}')).toBe(1);
  expect(bench.stderr.text).toMatch(
    /^cortex-mcp: web__echo failed: message must be a string \(code -32602\)\nDo: .* \(cortex-mcp explain -32602\)\n$/,
  );
});
