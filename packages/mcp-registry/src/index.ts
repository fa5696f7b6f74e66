export type { RegistryChange, RegistryListener } from './cache-contents.ts';
export {
  closeRegistryCache,
  getRegistryCache,
  readAll,
  remove,
  upsert,
  type RegistryLocation,
} from './fs-store.ts';
export {
  RegistryMemoryCache,
  type RecordPage,
  type RegistryCacheOptions,
  type RegistryHealth,
} from './memory-cache.ts';
export type { RecordQuery } from './record-index.ts';
export { isSecretReference, redactedValue, redactRecord } from './redact.ts';
export { RegistryError, registryErrorCodes, type RegistryErrorCode } from './registry-error.ts';
export { registryPath, type PathEnvironment } from './registry-path.ts';
export {
  fromServerJson,
  parseServerJson,
  serverInfoMetaKey,
  serverJsonSchema,
  serverSchemaUrl,
  toServerInfo,
  toServerJson,
  type ServerArgument,
  type ServerInput,
  type ServerJson,
  type ServerKeyValue,
  type ServerPackage,
  type ServerPackageTransport,
  type ServerRemote,
} from './server-json.ts';
export {
  officialMeta,
  officialMetaKey,
  recordKey,
  recordLimits,
  serverRecordSchema,
  serverStatuses,
  serverTransports,
  type OfficialMeta,
  type RecordKey,
  type ServerDocument,
  type ServerInfo,
  type ServerRecord,
  type ServerStatus,
  type ServerTransport,
} from './server-record.ts';
export { openFileStore, type FileStoreOptions } from './store/file-store.ts';
export { createMemoryStore } from './store/memory-store.ts';
export type {
  Batch,
  RecordChange,
  RegistryState,
  RegistryStore,
  RegistryWarning,
  SnapshotSource,
  StoreAccess,
  StoreEvent,
  StoreSizes,
  WarningListener,
} from './store/store.ts';
export { compareVersions } from './version-order.ts';
