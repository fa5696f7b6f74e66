export { createGateway, type Gateway, type GatewayOptions } from './create-gateway.ts';
export type { OfferedTool, Service, ServiceSettings } from './service/service.ts';
export { ConfigError } from './config/config-error.ts';
export { parseConnectorFeatureFlags, type ConnectorFeatureFlags } from './config/flags.ts';
export {
  ConnectorProxyManager,
  DEFAULT_TIMEOUTS,
  ManifestCache,
  type ConnectorDefinition,
  type ConnectorFailure,
  type ConnectorOrigin,
  type ConnectorProxyManagerOptions,
  type ConnectorState,
  type ConnectorStatus,
  type ConnectorTimeouts,
  type ConnectorTransport,
  type CreateUpstream,
  type HttpTransport,
  type ManifestCacheOptions,
  type Manifest,
  type ManifestItem,
  type ServedManifest,
  type StdioTransport,
  type SyncOutcome,
  type SyncReport,
} from './connectors/index.ts';
export {
  RefreshScheduler,
  type RefreshSchedulerOptions,
} from './connectors/refresh/refresh-scheduler.ts';
export {
  createConnectorUpstreams,
  type ConnectorUpstreams,
  type ConnectorUpstreamsOptions,
} from './service/connector-upstreams.ts';
export {
  loadConnectorServiceMap,
  type LoadedServiceMap,
  type LoadServiceMapOptions,
} from './connectors/map/service-map.ts';
export { definitionsOfMap, type MapPolicy } from './connectors/map/map-definition.ts';
export { ServiceMapError, type ServiceMapErrorCode } from './connectors/map/service-map-error.ts';
export {
  ed25519SignKey,
  ed25519VerifyKey,
  hmacKey,
  type SignatureSignKey,
  type SignatureVerifyKey,
} from './connectors/map/signature-keys.ts';
export { signServiceMap, verifyServiceMap } from './connectors/map/signature.ts';
export {
  UpstreamError,
  type ConnectorPhase,
  type UpstreamErrorCode,
} from './upstream/upstream-error.ts';
