import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { closeRegistryCache, upsert, type ServerRecord } from '@cortex-os/mcp-registry';
import { startUpstream } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { cliBench, type CliBench, missingServer } from './fake-io.ts';

async function store(bench: CliBench, records: readonly ServerRecord[]): Promise<void> {
  const folder = join(bench.path, '.config', 'cortex-os', 'mcp');
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'servers.json');
  for (const record of records) await upsert(record, { path });
  await closeRegistryCache({ path });
}

function http(name: string, endpoint: string, more: object = {}): ServerRecord {
  return { name, transport: 'streamableHttp', endpoint, connector: {}, ...more };
}

interface Listed {
  readonly id: string;
  readonly enabled: boolean;
}

test('serve counts the connectors of the registry, and connectors list names those of /status', async () => {
  await using bench = await cliBench();
  await using web = await startUpstream({ kind: 'modern-http', ttlMs: 60_000 });
  await store(bench, [
    http('web', web.url),
    http('My Web', web.url),
    http('off', web.url, { enabled: false }),
    http('missing', web.url),
    http('published', web.url, { origin: 'remote' }),
    { name: 'data', transport: 'stdio', command: 'x' },
  ]);
  await bench.configure({ missing: missingServer });
  const running = bench.run('--port', '0');
  await bench.stdout.until(/Endpoint: (\S+)\n/);
  const endpoint = /Endpoint: (\S+)\n/.exec(bench.stdout.text)?.[1] ?? '';
  expect(bench.stdout.text).toMatch(
    /^Cortex MCP \S+, 1 connector from \S+cortex-mcp\.json, 4 from the registry\n/,
  );
  await bench.stdout.until(/^web .*\n/m);
  for (const row of [/^my-web\s+fresh/m, /^off\s+disabled/m, /^published\s+unavailable/m]) {
    expect(bench.stdout.text).toMatch(row);
  }
  bench.stdout.text = '';
  expect(await bench.run('connectors', 'list', '--json')).toBe(0);
  const listed = JSON.parse(bench.stdout.text) as readonly Listed[];
  const status = (await (await fetch(new URL('/status', endpoint))).json()) as {
    readonly connectors: readonly { readonly id: string; readonly state: string }[];
    readonly registry: { readonly connectors: number; readonly used: number };
  };
  expect(listed.map(({ id }) => id).toSorted()).toEqual([
    'missing',
    'my-web',
    'off',
    'published',
    'web',
  ]);
  expect(status.connectors.map(({ id }) => id).toSorted()).toEqual(
    listed.map(({ id }) => id).toSorted(),
  );
  expect(status.registry).toMatchObject({
    connectors: listed.length,
    used: 4,
    warnings: ['missing of the registry is not used: another has its id'],
  });
  const disabled = listed.filter(({ enabled }) => !enabled).map(({ id }) => id);
  const shown = status.connectors.filter(({ state }) => state === 'disabled');
  expect(shown.map(({ id }) => id)).toEqual(disabled);
  bench.stop('SIGINT');
  expect(await running).toBe(0);
});
