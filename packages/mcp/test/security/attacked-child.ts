import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PROBE = fileURLToPath(new URL('stall-probe.ts', import.meta.url));
const RUN_CLI = fileURLToPath(new URL('../e2e/run-cli.ts', import.meta.url));

/**
 * `cortex-mcp serve` from its sources with a probe of its event loop, which also ends it when this process is gone.
 * @param nodeArgs options of Node.
 */
export function spawnAttacked(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  nodeArgs: readonly string[] = [],
): ChildProcess {
  const program = ['--conditions=cortex-source', '--import', PROBE, RUN_CLI, 'serve'];
  return spawn(process.execPath, [...nodeArgs, ...program, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
}
