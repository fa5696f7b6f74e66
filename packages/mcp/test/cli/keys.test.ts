import { startUpstream, waitUntil, type HttpUpstream } from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { names, statusOf } from '../auth/guarded-gateway.ts';
import { cliBench, type CliBench } from './fake-io.ts';

let upstream: HttpUpstream;

beforeAll(async () => {
  upstream = await startUpstream({ kind: 'modern-http' });
});
afterAll(async () => await upstream.close());

function json(bench: CliBench): unknown {
  const { text } = bench.stdout;
  bench.stdout.text = '';
  return JSON.parse(text);
}

test('keys create prints the key alone, once, and says what the first one means', async () => {
  await using bench = await cliBench();
  expect(await bench.run('keys', 'create', '--title', 'ci')).toBe(0);
  expect(bench.stdout.text).toMatch(/^mgw_[a-z0-9]+_[\w-]{43}\n$/);
  expect(bench.stderr.text).toContain('the first key');
  const key = bench.stdout.text.trim();
  bench.stderr.text = '';
  expect(await bench.run('keys', 'create')).toBe(0);
  expect(bench.stderr.text).not.toContain('the first key');
  bench.stdout.text = '';
  expect(await bench.run('keys', 'list')).toBe(0);
  expect(bench.stdout.text).toMatch(/active +ci +client +never/);
  expect(bench.stdout.text).not.toContain(key.slice(-43));
});

test('keys create --json | list --json | rotate | revoke', async () => {
  await using bench = await cliBench();
  const rules = ['--allow-tool', 'a__*', '--deny-tool', '*__delete', '--deny-connector', 'x'];
  await bench.run(
    'keys',
    'create',
    ...rules,
    '--rate',
    '60',
    '--expires',
    '90d',
    '--scope',
    'client,operator',
    '--json',
  );
  const made = json(bench) as { id: string; key: string; expiresAt: string };
  expect(made).toMatchObject({
    scopes: ['client', 'operator'],
    tools: { allow: ['a__*'], deny: ['*__delete'] },
    connectors: { deny: ['x'] },
    rate: { perMinute: 60 },
    state: 'active',
    secrets: 1,
  });
  const days = (Date.parse(made.expiresAt) - Date.now()) / 86_400_000;
  expect(days).toBeGreaterThan(89);
  expect(await bench.run('keys', 'rotate', made.id, '--json')).toBe(0);
  const rotated = json(bench) as { id: string; key: string; secrets: number };
  expect([rotated.id, rotated.secrets, rotated.key === made.key]).toEqual([made.id, 2, false]);
  expect(await bench.run('keys', 'revoke', made.id)).toBe(0);
  expect(bench.stdout.text).toBe(`revoked ${made.id}\n`);
  bench.stdout.text = '';
  await bench.run('keys', 'list', '--json');
  expect(json(bench)).toMatchObject([{ id: made.id, state: 'revoked', secrets: 0 }]);
});

test.each([
  [['keys', 'create', '--scope', 'root'], /"root" is no scope/],
  [['keys', 'create', '--expires', 'soon'], /--expires "soon"/],
  [['keys', 'create', '--expires', '0'], /--expires 0/],
  [['keys', 'create', '--rate', 'x'], /--rate "x"/],
  [['keys', 'rotate', 'abcd', '--grace', '1y'], /--grace "1y"/],
  [['keys', 'revoke', 'abcd'], /no key "abcd"; see cortex-mcp keys list/],
  [['keys', 'create', '--allow-tool', 'x'.repeat(300)], /too long/],
  [['keys'], /keys needs one more word/],
])('%j is refused with its code', async (argv, message) => {
  await using bench = await cliBench();
  expect(await bench.run(...argv)).toBeGreaterThan(0);
  expect(bench.stderr.text).toMatch(message);
  expect(bench.stderr.text).toMatch(/^[^\n]+\([A-Z_]+\)\n(?:Do: [^\n]+\n)?$/);
});

test('keys list says how to make the first one', async () => {
  await using bench = await cliBench();
  expect(await bench.run('keys', 'list')).toBe(0);
  expect(bench.stdout.text).toContain('cortex-mcp keys create');
});

test('a key limits what a running service shows; --host off loopback needs one', async () => {
  await using bench = await cliBench();
  await bench.configure({ m: { url: upstream.url } });
  expect(await bench.run('serve', '--port', '0', '--host', '0.0.0.0')).toBe(2);
  expect(bench.stderr.text).toMatch(/--host: 0\.0\.0\.0 can be reached.*cortex-mcp keys create/);
  await bench.run('keys', 'create', '--allow-tool', 'm__echo');
  const key = bench.stdout.text.trim();
  bench.stdout.text = '';
  const serving = bench.run('serve', '--port', '0', '--host', '0.0.0.0');
  await bench.stdout.until(/Endpoint: \S+/);
  const port = /Endpoint: \S+:(\d+)/.exec(bench.stdout.text)?.[1];
  const url = `http://127.0.0.1:${port}/mcp`;
  expect(await statusOf(url)).toBe(401);
  await waitUntil(async () => (await names(url, key)).join() === 'm__echo', {
    describe: 'its tool',
  });
  bench.stop('SIGTERM');
  await serving;
});

test('MCP_API_KEY is too short in one line, and never shown by config show', async () => {
  const secret = 'a-very-secret-key-of-mine';
  await using bench = await cliBench({
    env: { MCP_API_KEY: secret, MCP_ALLOWED_HOSTS: 'a.example, b.example:1' },
  });
  await bench.configure({});
  expect(await bench.run('config', 'show')).toBe(0);
  expect(bench.stdout.text).toMatch(/auth\.apiKey +\[redacted\] +MCP_API_KEY/);
  expect(bench.stdout.text).toMatch(/allowedHosts +a\.example, b\.example:1 +MCP_ALLOWED_HOSTS/);
  bench.stdout.text = '';
  await bench.run('config', 'show', '--json');
  expect(bench.stdout.text).not.toContain(secret);
  await using other = await cliBench({ env: { MCP_API_KEY: 'short' } });
  await other.configure({});
  expect(await other.run('config', 'show')).toBe(2);
  expect(other.stderr.text).toMatch(/MCP_API_KEY: the key has fewer than 16/);
  expect(other.stderr.text).not.toContain('short;');
});
