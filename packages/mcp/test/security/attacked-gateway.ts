import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder, waitUntil } from '@cortex-os/testkit';
import { expect, vi } from 'vitest';
import { createKey, type NewKey } from '../../src/auth/edit-keys.ts';
import { spawnAttacked } from './attacked-child.ts';
import type { ProbeReading } from './stall-probe.ts';

// Each of these suites starts a process, and waits for what it does by itself.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 60_000 });

/** The bound of every suite: no attack may hold the event loop for longer. */
export const MAX_STALL_MS = 50;

/** A real `cortex-mcp serve` in a process of its own, with a probe of its event loop. */
export interface AttackedGateway extends AsyncDisposable {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  readonly port: number;
  readonly url: string;
  /** State and configuration. */
  readonly folder: string;
  readonly stateFolder: string;
  readonly keys: readonly string[];
  readonly pid: number;
  /** The longest turn of the event loop since this was asked last. */
  probe(): Promise<ProbeReading>;
  stderr(): string;
  /** True until the process has ended. */
  alive(): boolean;
  /** Writes the configuration again; it is picked up while running. */
  configure(config: object): Promise<void>;
}

export interface AttackedOptions {
  /** The configuration file. */
  readonly config: object;
  /** The same as text, for what no object can say. */
  readonly configText?: string;
  /** Options of Node. */
  readonly nodeArgs?: readonly string[];
  readonly keys?: readonly Partial<NewKey>[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Its modules are loaded by the first request, or a while after the start: all in one turn where they are not bundled. */
async function openRegistry(origin: string, key: string | undefined): Promise<void> {
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  await (await fetch(`${origin}/v0.1/servers`, { headers })).arrayBuffer();
}

export async function startAttacked(options: AttackedOptions): Promise<AttackedGateway> {
  const { config, keys = [], env = {}, nodeArgs = [] } = options;
  const folder = tempFolder();
  const stateFolder = join(folder.path, 'mcp');
  const path = join(folder.path, 'cortex-mcp.json');
  const configure = async (next: object): Promise<void> =>
    await writeFile(path, JSON.stringify(next));
  if (options.configText === undefined) await configure(config);
  else await writeFile(path, options.configText);
  const made: string[] = [];
  for (const key of keys) {
    made.push((await createKey(stateFolder, { scopes: ['client'], ...key })).text);
  }
  const child = spawnAttacked(
    ['--config', path, '--port', '0'],
    {
      PATH: process.env['PATH'],
      HOME: folder.path,
      CORTEX_HOME: folder.path,
      NO_COLOR: '1',
      MCP_DRAIN_LAME_DUCK_MS: '0',
      // It is opened, and its modules loaded, a while after the start, which would look like a stall.
      MCP_REGISTRY_ENABLED: String('registry' in config || options.configText !== undefined),
      ...env,
    },
    nodeArgs,
  );
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const alive = (): boolean => child.exitCode === null && child.signalCode === null;
  const dispose = async (): Promise<void> => {
    if (alive()) {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    await folder[Symbol.asyncDispose]();
  };
  const endpoint = (): string | undefined => /http:\/\/127\.0\.0\.1:\d+\/mcp/.exec(stdout)?.[0];
  await waitUntil(() => endpoint() !== undefined || !alive(), {
    timeoutMs: 20_000,
    describe: 'serve prints its endpoint',
  });
  const url = endpoint();
  if (url === undefined) {
    await dispose();
    throw new Error(`serve ended early: ${stderr}`);
  }
  const { origin, port } = new URL(url);
  if ('registry' in config) await openRegistry(origin, made[0]);
  return {
    origin,
    port: Number(port),
    url,
    folder: folder.path,
    stateFolder,
    keys: made,
    pid: child.pid ?? 0,
    probe: async () => {
      const { promise, resolve, reject } = Promise.withResolvers<ProbeReading>();
      const ended = (): void => reject(new Error(`the gateway ended: ${stderr}`));
      const take = (message: unknown): void => {
        if (typeof message !== 'object' || message === null || !('probe' in message)) return;
        child.off('message', take).off('exit', ended);
        resolve(message.probe as ProbeReading);
      };
      child.on('message', take).once('exit', ended);
      if (alive()) child.send('probe');
      else ended();
      return await promise;
    },
    stderr: () => stderr,
    alive,
    configure,
    [Symbol.asyncDispose]: dispose,
  };
}

/** Fails when the event loop was held since the last look. @returns what was measured. */
export async function expectNoStall(gateway: AttackedGateway): Promise<ProbeReading> {
  const reading = await gateway.probe();
  expect(reading.heldMs, 'ms of one turn of the event loop').toBeLessThan(MAX_STALL_MS);
  return reading;
}

/** The stall of an attack, on a machine that others use as well: the least of up to six times. */
export async function leastStall(
  gateway: AttackedGateway,
  attack: () => Promise<void>,
): Promise<number> {
  let least = Infinity;
  for (let round = 0; round < 6 && least >= MAX_STALL_MS; round += 1) {
    await gateway.probe();
    await attack();
    least = Math.min(least, (await gateway.probe()).heldMs);
  }
  return least;
}

/** Connectors of a configuration file, by id. */
export function servers(
  urls: Readonly<Record<string, string>>,
): Readonly<Record<string, { readonly type: 'http'; readonly url: string }>> {
  return Object.fromEntries(
    Object.entries(urls).map(([id, url]) => [id, { type: 'http' as const, url }]),
  );
}
