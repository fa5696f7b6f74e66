import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tempFolder, type TempFolder } from '@cortex-os/testkit';

export interface WorkerEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

/** The program in cluster mode. */
export interface ReloadCluster extends AsyncDisposable {
  readonly origin: string;
  readonly folder: TempFolder;
  /** Starts another worker; resolves when both serve. */
  overlap(): Promise<void>;
  /** Resolves when the older worker is gone. */
  replaced(): Promise<WorkerEnd>;
  /** `overlap` and `replaced`. */
  reload(): Promise<WorkerEnd>;
  stderr(): string;
}

const PRIMARY = fileURLToPath(new URL('reload-primary.ts', import.meta.url));
const WORKER = fileURLToPath(new URL('run-worker.ts', import.meta.url));

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function ignore(): void {
  // Nobody waits for a message yet.
}

export interface ClusterInput {
  readonly mcpServers: Readonly<Record<string, unknown>>;
  /** Servers that need a place of their own. */
  readonly configure?: (folder: string) => Readonly<Record<string, unknown>>;
  readonly settings?: Readonly<Record<string, unknown>>;
  /** What a worker runs. Default: the program from its sources, with `serve`. */
  readonly program?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** When a worker that does not end is killed. Default: 60 s. */
  readonly killMs?: number;
}

export async function startCluster(input: ClusterInput): Promise<ReloadCluster> {
  const folder = tempFolder('cortex-reload-');
  const config = join(folder.path, 'cortex-mcp.json');
  const { mcpServers, settings = {}, program = WORKER, killMs = 60_000 } = input;
  const servers = { ...mcpServers, ...input.configure?.(folder.path) };
  await writeFile(config, JSON.stringify({ mcpServers: servers, ...settings }));
  const port = await freePort();
  const args = ['serve', '--config', config, '--port', String(port)];
  const primary = fork(PRIMARY, [String(killMs), program, ...args], {
    env: {
      ...process.env,
      CORTEX_HOME: folder.path,
      NO_COLOR: '1',
      PORT: String(port),
      ...input.env,
    },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let stderr = '';
  primary.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const told = new Map<string, object[]>();
  let wake = ignore;
  primary.on('message', (message: { kind: string }) => {
    told.set(message.kind, [...(told.get(message.kind) ?? []), message]);
    wake();
  });
  primary.once('exit', () => wake());
  const next = async (kind: string): Promise<object> => {
    for (;;) {
      const message = told.get(kind)?.shift();
      if (message !== undefined) return message;
      if (primary.exitCode !== null) throw new Error(`the cluster ended: ${stderr}`);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  await next('ready');
  const overlap = async (): Promise<void> => {
    primary.send('reload');
    await next('overlap');
  };
  const replaced = async (): Promise<WorkerEnd> => {
    const { code, signal } = (await next('reloaded')) as WorkerEnd;
    return { code, signal };
  };
  return {
    origin: `http://127.0.0.1:${port}`,
    folder,
    overlap,
    replaced,
    reload: async () => {
      await overlap();
      return await replaced();
    },
    stderr: () => stderr,
    [Symbol.asyncDispose]: async () => {
      if (primary.exitCode === null) {
        const ended = once(primary, 'exit');
        primary.send('stop');
        await ended;
      }
      await folder.remove();
    },
  };
}
