import { once } from 'node:events';
import { createServer } from 'node:net';
import { startUpstream } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { cliBench, memoryServer, missingServer, silentServer } from './fake-io.ts';

test('serve prints the endpoint, lines for clients and the table, and ends with 0 on a signal', async () => {
  await using bench = await cliBench();
  await bench.configure({
    memory: memoryServer(bench.path),
    missing: missingServer,
    silent: silentServer,
  });
  const running = bench.run('--port', '0');
  await bench.stdout.until(/Endpoint: (\S+)\n/);
  const endpoint = /Endpoint: (\S+)\n/.exec(bench.stdout.text)?.[1] ?? '';
  expect(endpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/mcp$/);
  for (const line of [
    `claude mcp add --transport http cortex ${endpoint}`,
    `{"mcpServers":{"cortex":{"url":"${endpoint}"}}}`,
    `code --add-mcp '{"name":"cortex","type":"http","url":"${endpoint}"}'`,
    `{"servers":{"cortex":{"type":"http","url":"${endpoint}"}}}`,
  ]) {
    expect(bench.stdout.text).toContain(`\n  ${line}\n`);
  }
  await bench.stdout.until(/^silent .*\n/m);
  expect(bench.stdout.text).toMatch(/^CONNECTOR\s+STATE\s+ERA\s+TOOLS\s+TIME/m);
  expect(bench.stdout.text).toMatch(/^memory\s+fresh\s+legacy\s+\d+\s+[\d.]+ m?s$/m);
  expect(bench.stdout.text).toMatch(/^missing\s+unavailable\s.*spawn: /m);
  expect(bench.stdout.text).toMatch(/^silent\s+connecting\s.*handshake: no answer yet/m);
  const status: unknown = await (await fetch(new URL('/status', endpoint))).json();
  expect(JSON.stringify(status)).toContain('"separator"');
  bench.stop('SIGINT');
  expect(await running).toBe(0);
  await expect(fetch(endpoint)).rejects.toThrow('fetch failed');
});

test('serve applies edits of the file, says each change in one line and survives a bad edit', async () => {
  await using bench = await cliBench();
  await using web = await startUpstream({ kind: 'modern-http', ttlMs: 60_000 });
  await bench.configure({ missing: missingServer });
  const running = bench.run('--port', '0');
  await bench.stdout.until(/^missing\s+unavailable/m);
  await bench.configure({ web: { url: 'htp://bad' } });
  await bench.stderr.until(
    /configuration not reloaded, the last good one stays: .*htp:\/\/bad.*\n/,
  );
  await bench
    .configure({ web: { url: web.url }, colour: {} }, { port: 1, syncConcurrency: 9 })
    .catch(() => undefined);
  await bench.stderr.until(/not reloaded.*mcpServers\.colour/);
  await bench.configure({ web: { url: web.url } }, { port: 1, syncConcurrency: 9 });
  await bench.stderr.until(/configuration reloaded: 1 connector"/);
  expect(bench.stderr.text).toContain('restart to apply the changed syncConcurrency"');
  await bench.stdout.until(/^web: fresh \(modern, \d+ tools, .*\)\n/m);
  expect(bench.stdout.text).toMatch(/^missing: removed$/m);
  bench.stop('SIGTERM');
  expect(await running).toBe(0);
  expect(bench.stdout.text).toMatch(/^stopping\n/m);
});

test('serve says in one line that the port is taken, exit code 2', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  await using bench = await cliBench();
  await bench.configure({ missing: missingServer });
  expect(await bench.run('serve', '--port', String(port))).toBe(2);
  expect(bench.stderr.text).toBe(
    `cortex-mcp: port ${port} on 127.0.0.1 is in use; stop what listens there or choose another with --port (PORT_IN_USE)\n`,
  );
  expect(bench.stdout.text).toBe('');
  server.close();
  await once(server, 'close');
});

test('serve on a terminal has colours and readable logs', async () => {
  await using bench = await cliBench({ isTty: true, stderrIsTty: true, env: {} });
  await bench.configure({ missing: missingServer });
  const running = bench.run('--port', '0');
  await bench.stdout.until(/missing.*unavailable/);
  expect(bench.stdout.text).toContain('\u001b[31munavailable');
  bench.stop('SIGINT');
  expect(await running).toBe(0);
  expect(bench.stdout.text).toMatch(/\nstopping\n$/);
});
