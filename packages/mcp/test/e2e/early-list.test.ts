import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { tempFolder } from '@cortex-os/testkit';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createManifestStore, manifestSource } from '../../src/connectors/cache/manifest-store.ts';
import type { ConnectorDefinition } from '../../src/connectors/connector.ts';
import { readItem, type ManifestItem } from '../../src/connectors/manifest-item.ts';
import { DEFAULT_SETTINGS } from '../../src/service/default-settings.ts';
import { createService } from '../../src/service/service.ts';
import { connector } from './gateway-fixture.ts';

const CONNECTORS = 20;
const TOOLS_EACH = 1_000;

function toolNamed(name: string): ManifestItem {
  const raw = JSON.stringify({ name, inputSchema: { type: 'object' } });
  const reading = readItem(raw, 'tools', 64);
  if (reading.kind === 'refused') throw new Error(reading.why);
  return reading.item;
}

/** Keeps a manifest as an earlier run would have. */
async function keep(folder: string, definition: ConnectorDefinition): Promise<void> {
  const store = createManifestStore(folder, (file, error) =>
    expect.fail(`${file}: ${String(error)}`),
  );
  const tools = Array.from({ length: TOOLS_EACH }, (_, at) => toolNamed(`tool_${at}`));
  const info = {
    era: 'modern',
    protocolVersion: '2026-07-28',
    capabilities: { tools: {} },
    serverInfo: undefined,
    instructions: undefined,
  } as const;
  const lists = { tools, prompts: [], resources: [], resourceTemplates: [] };
  const hint = { ttlMs: 60_000, cacheScope: 'private' } as const;
  const manifest = { info, lists, hint, digest: 'none', warnings: [] };
  const value = { manifest, source: manifestSource(definition) };
  await store.save({
    key: definition.id,
    value,
    ttlMs: 60_000,
    storedAtMs: Date.now(),
    notAfterMs: undefined,
  });
}

/** How many tools a list has that is asked for at once. */
async function toolsAt(port: number): Promise<number> {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 't', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const method = 'tools/list';
  const call = request(`http://127.0.0.1:${port}/mcp`, {
    method: 'POST',
    agent: false,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
    },
  });
  call.end(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { _meta: meta } }));
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  const answer = JSON.parse(await text(response)) as { result: { tools: unknown[] } };
  return answer.result.tools.length;
}

test('a client that comes as soon as the service listens is told every kept tool, though the catalog is not built yet (M8)', async () => {
  await using folder = tempFolder();
  const manifestFolder = join(folder.path, 'manifests');
  const connectors = Array.from({ length: CONNECTORS }, (_, at) =>
    // Nothing listens there, and nobody asks it.
    connector(`c${at}`, { kind: 'http', url: 'http://127.0.0.1:9/mcp', headers: {} }),
  );
  for (const definition of connectors) await keep(manifestFolder, definition);
  const service = createService({
    connectors,
    settings: { ...DEFAULT_SETTINGS, manifestFolder },
    logger: pino({ level: 'silent' }),
    baseEnv: {},
    version: '0.0.0-test',
  });
  const listed = Promise.withResolvers<number>();
  let built: number | undefined;
  const listens = (message: unknown): void => {
    const address = (message as { readonly server: Server }).server.address();
    if (address === null || typeof address === 'string') return;
    built = service.tools().length;
    toolsAt(address.port).then(listed.resolve, listed.reject);
  };
  subscribe('tracing:net.server.listen:asyncEnd', listens);
  try {
    await service.start();
    expect(built).toBe(0);
    expect(service.tools()).toHaveLength(CONNECTORS * TOOLS_EACH);
    expect(await listed.promise).toBe(CONNECTORS * TOOLS_EACH);
  } finally {
    unsubscribe('tracing:net.server.listen:asyncEnd', listens);
    await service.close();
  }
});
