import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { waitUntil } from '@cortex-os/testkit';
import { startFleetProcess, type FleetProcess } from './fleet-process.ts';
import { freePort, runProgram, startProgram } from './program.ts';

/** A home in which the program knows connectors whose servers are gone. */
export interface KeptFleet {
  readonly home: string;
  readonly config: string;
}

export interface KeptFleetOptions {
  /** A folder to fill. */
  readonly home: string;
  readonly connectors: number;
  readonly toolsEach: number;
  /** Who names the connectors: the configuration, or the registry of the state folder. */
  readonly source: 'file' | 'registry';
}

/** Tools that every server of the fleet has besides those it was asked for. */
const TOOLS_OF_ITS_OWN = 8;
const OFF = { off: { command: 'none', disabled: true } };

/** Runs the program once with every server up, until each manifest is on disk. */
async function fill({ home, config }: KeptFleet, connectors: number): Promise<void> {
  await using program = startProgram({ home, config, port: await freePort() });
  await program.listening;
  const manifests = join(home, 'mcp', 'manifests');
  await waitUntil(async () => (await readdir(manifests).catch(() => [])).length >= connectors, {
    timeoutMs: 30_000,
    describe: 'every manifest is on disk',
  });
}

/** A home whose servers are still there. */
export interface LiveFleet extends AsyncDisposable {
  readonly kept: KeptFleet;
}

/** Makes a home whose manifests are on disk, with every server up until it is disposed of. */
export async function keepLiveFleet(options: KeptFleetOptions): Promise<LiveFleet> {
  const { home, connectors, toolsEach, source } = options;
  const config = join(home, 'cortex-mcp.json');
  const kept: KeptFleet = { home, config };
  const fleet: FleetProcess = await startFleetProcess([
    {
      kind: 'modern-http',
      count: connectors,
      latencyMs: 0,
      toolCount: toolsEach - TOOLS_OF_ITS_OWN,
      ttlMs: 300_000,
    },
  ]);
  const entries = fleet.urls.map((url, index) => [`server-${index}`, { url }] as const);
  const servers = JSON.stringify({ mcpServers: Object.fromEntries(entries) });
  if (source === 'file') {
    await writeFile(config, servers);
  } else {
    const client = join(home, 'client.json');
    await writeFile(client, servers);
    await writeFile(config, JSON.stringify({ mcpServers: OFF }));
    runProgram(home, 'registry', 'import', 'cursor', '--file', client, '--apply', '--connect');
  }
  await fill(kept, connectors);
  return { kept, [Symbol.asyncDispose]: async () => await fleet[Symbol.asyncDispose]() };
}

/** The same, with nothing at their addresses any more when it returns. */
export async function keepFleet(options: KeptFleetOptions): Promise<KeptFleet> {
  await using live = await keepLiveFleet(options);
  return live.kept;
}
