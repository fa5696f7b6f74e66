import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitUntil } from '@cortex-os/testkit';

const PACKAGES = fileURLToPath(
  new URL('../../../../node_modules/@modelcontextprotocol/', import.meta.url),
);
const LOOPBACK = new URL('../../../../scripts/preload/loopback.mjs', import.meta.url).href;

/** The program of an official server: `everything`, `filesystem` or `memory`. */
export const npmServer = (name: string): string =>
  join(PACKAGES, `server-${name}`, 'dist', 'index.js');

/** A running server, ended when disposed of. */
export interface EverythingHttp extends AsyncDisposable {
  readonly url: string;
}

/** The official everything server over streamable HTTP, on a free port that it tells. */
export async function startEverythingHttp(): Promise<EverythingHttp> {
  const child = spawn(
    process.execPath,
    ['--import', LOOPBACK, npmServer('everything'), 'streamableHttp'],
    { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] },
  );
  let port: number | undefined;
  child.once('message', (message: { port: number }) => {
    ({ port } = message);
  });
  await waitUntil(() => port !== undefined, {
    timeoutMs: 15_000,
    describe: 'server-everything listens',
  });
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    [Symbol.asyncDispose]: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}
