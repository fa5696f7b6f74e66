import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  createRegistryClient,
  type RegistryClient,
  type ServerRecord,
} from '@cortex-os/mcp-registry';
import { waitUntil } from '@cortex-os/testkit';
import { pino } from 'pino';
import { Secret } from '../src/connectors/secret.ts';
import type { RegistryServiceOptions } from '../src/service/registry/registry-part.ts';
import type { RegistryStatus } from '../src/service/registry/registry-status.ts';
import { createService, type Service, type ServiceOptions } from '../src/service/service.ts';
import { DEFAULT_SETTINGS } from '../src/service/default-settings.ts';

/** The key that lets writers of the API in. */
export const API_KEY: string = 'k'.repeat(24);

export interface RegistryGateway extends AsyncDisposable {
  readonly service: Service;
  readonly origin: string;
  /** As another process on this machine uses the registry. */
  readonly client: RegistryClient;
  /** `/status` now. */
  status(): Promise<{ registry: Record<string, unknown>; connectors: { id: string }[] }>;
  /** One line of each thing that was logged. */
  readonly logged: string[];
}

export async function startRegistryGateway(
  stateFolder: string,
  registry: Partial<RegistryServiceOptions> = {},
  options: Partial<ServiceOptions> = {},
): Promise<RegistryGateway> {
  const logged: string[] = [];
  const service = createService({
    connectors: [],
    settings: DEFAULT_SETTINGS,
    logger: pino({ level: 'warn' }, { write: (line) => void logged.push(line) }),
    baseEnv: process.env,
    version: '0.0.0-test',
    registry: {
      stateFolder,
      memoryCache: true,
      tools: true,
      http: true,
      apiKey: new Secret(API_KEY),
      lasting: true,
      openDelayMs: 0,
      ...registry,
    },
    ...options,
  });
  const { port } = await service.start();
  const origin = `http://127.0.0.1:${port}`;
  const stateOf = (): RegistryStatus => service.status()['registry'] as RegistryStatus;
  // A registry without files is opened when the service is up already.
  await waitUntil(
    () => {
      const { state, health } = stateOf();
      const announced = existsSync(join(stateFolder, 'registry-control.json'));
      return state !== 'opening' && (health?.access !== 'writer' || announced);
    },
    { describe: 'the registry is open' },
  );
  return {
    service,
    origin,
    logged,
    client: createRegistryClient({ path: join(stateFolder, 'servers.json'), random: () => 0.5 }),
    status: async () => {
      const response = await fetch(`${origin}/status`);
      return (await response.json()) as Awaited<ReturnType<RegistryGateway['status']>>;
    },
    [Symbol.asyncDispose]: async () => await service.close(),
  };
}

const BIN = join(import.meta.dirname, '../../../node_modules/.bin');

/** A record of a real server from npm, as the command line would add it. */
export function memoryRecord(name: string, folder: string): ServerRecord {
  return {
    name,
    transport: 'stdio',
    command: join(BIN, 'mcp-server-memory'),
    env: { MEMORY_FILE_PATH: join(folder, `${name}.jsonl`) },
    origin: 'local',
    connector: {},
  };
}
