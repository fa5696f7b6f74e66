export {
  DEFAULT_TIMEOUTS,
  type ConnectorDefinition,
  type ConnectorFailure,
  type ConnectorOrigin,
  type ConnectorTimeouts,
  type ConnectorTransport,
  type HttpTransport,
  type StdioTransport,
} from './connector.ts';
export type { CreateUpstream, ServedManifest } from './entry/connector-entry.ts';
export { ConnectorProxyManager, type ConnectorProxyManagerOptions } from './manager.ts';
export { ManifestCache, type ManifestCacheOptions } from './cache/cache.ts';
export type { Manifest, ManifestItem } from './manifest.ts';
export type { ConnectorState, ConnectorStatus, SyncOutcome, SyncReport } from './sync-report.ts';
