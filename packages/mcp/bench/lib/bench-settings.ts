import type { ServiceSettings } from '../../src/service/service.ts';

/** The defaults of a service, but on a free port and with nothing kept on disk. */
export const BENCH_SETTINGS: ServiceSettings = {
  port: 0,
  host: '127.0.0.1',
  firstListWaitMs: 1_500,
  syncConcurrency: 48,
  processStartConcurrency: 4,
  refreshIntervalMs: 300_000,
  separator: '__',
  parallelSync: true,
  listPrebuilt: true,
  backgroundRefresh: true,
  sharedAgent: true,
  manifestCache: true,
  manifestFolder: undefined,
};
