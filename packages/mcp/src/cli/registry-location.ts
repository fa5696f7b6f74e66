import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { createRegistryClient, type RegistryClient } from '@cortex-os/mcp-registry';
import { stateFolder } from '../config/locate-config.ts';
import type { CliIo } from './cli-io.ts';
import { safeText } from './terminal-text.ts';

/** The registry of the state folder, as commands reach it. */
export interface RegistryLocation {
  readonly stateFolder: string;
  /** Path of `servers.json`. */
  readonly path: string;
  readonly client: RegistryClient;
}

/** Uniform in [0, 1). */
export function chance(): number {
  return randomInt(2 ** 32) / 2 ** 32;
}

/** Finds the registry as the gateway does; needs no configuration file and reads nothing yet. */
export function locateRegistry(io: CliIo): RegistryLocation {
  const { env, cwd, home, stderr } = io;
  const folder = stateFolder({ flag: undefined, env, cwd, home }).value;
  const path = join(folder, 'servers.json');
  const client = createRegistryClient({
    path,
    random: chance,
    onWarning: ({ message }) => stderr.write(`warning: ${safeText(message)}\n`),
  });
  return { stateFolder: folder, path, client };
}
