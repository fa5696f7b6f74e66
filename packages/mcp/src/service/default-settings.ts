import { availableParallelism } from 'node:os';
import type { ServiceSettings } from './service-options.ts';

/** The settings of a service without a configuration: as the program's, but on a free port and with nothing kept on disk. */
export const DEFAULT_SETTINGS: ServiceSettings = {
  port: 0,
  host: '127.0.0.1',
  firstListWaitMs: 1_500,
  syncConcurrency: 128,
  processStartConcurrency: 2 * availableParallelism(),
  refreshIntervalMs: 300_000,
  separator: '__',
  parallelSync: true,
  backgroundRefresh: true,
  sharedAgent: true,
  manifestCache: true,
  manifestFolder: undefined,
  listPrebuilt: true,
};
