export type { RegistryChange, RegistryListener } from './cache-contents.ts';
export type { Finding, FindingCode, FindingLevel } from './doctor/finding.ts';
export {
  examineRegistry,
  repairRegistry,
  type DoctorOptions,
  type DoctorReport,
  type RepairReport,
} from './doctor/registry-doctor.ts';
export {
  closeRegistryCache,
  getRegistryCache,
  readAll,
  remove,
  upsert,
  type RegistryLocation,
} from './fs-store.ts';
export {
  createRegistryApi,
  createRegistryApiGate,
  type RegistryApi,
  type RegistryApiCounts,
  type RegistryApiGate,
  type RegistryApiOptions,
} from './http/registry-api.ts';
export {
  RegistryMemoryCache,
  type RecordPage,
  type RecordSelection,
  type RegistryCacheOptions,
  type RegistryEdit,
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
export { applyImport, undoImport, type ImportPlace, type UndoRow } from './sources/apply-import.ts';
export {
  clientNames,
  clientSource,
  clientTitles,
  exportClientNames,
  isClientName,
  isExportClientName,
  type ClientName,
  type ClientSource,
  type ExportClientName,
} from './sources/client.ts';
export { editClientFile, readClientFile, type ClientFileEdit } from './sources/edit-client-file.ts';
export {
  exportClientConfig,
  type ClientExport,
  type ExportOptions,
} from './sources/export-client-config.ts';
export type { ExportedEntry } from './sources/export-entry.ts';
export { exportServerJson } from './sources/export-server-json.ts';
export {
  clientConfigFiles,
  findClientConfigs,
  type ClientConfigFile,
  type ClientEnvironment,
} from './sources/find-client-configs.ts';
export {
  planImport,
  type ImportPlan,
  type PlannedAction,
  type PlanOptions,
  type PlanRow,
  type PlanStep,
} from './sources/import-plan.ts';
export {
  importFromRegistry,
  type RegistryImportOptions,
  type RegistryImportReport,
} from './sources/import-registry.ts';
export {
  importServerJson,
  type ServerJsonFile,
  type ServerJsonReading,
} from './sources/import-server-json.ts';
export type { ImportTarget } from './sources/import-target.ts';
export {
  readClientConfig,
  type ClientFileFacts,
  type ClientReading,
  type SkippedEntry,
} from './sources/read-client-config.ts';
export type { PlainHttp } from './sources/registry-page.ts';
export {
  openSecretFolder,
  withEmbeddedSecrets,
  type SecretFolder,
} from './sources/secret-folder.ts';
export { SourceError, type SourceErrorCode } from './sources/source-error.ts';
export { takeSecrets, type TakenRecord, type TakenSecret } from './sources/take-secrets.ts';
export { scanToml, type TomlStatement } from './sources/toml-scan.ts';
export {
  mergeClientConfig,
  writeClientConfig,
  type MergeOutcome,
} from './sources/write-client-config.ts';
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
export { readStored, storedJson, storeRecord, type StoredRecord } from './stored-record.ts';
export {
  ChangedMeanwhileError,
  changeChecked,
  readCheckedChange,
  recordDigest,
  type ChangeOutcome,
  type CheckedChange,
  type CheckedPut,
  type CheckedRemoval,
} from './tools/checked-change.ts';
export {
  createRegistryClient,
  type Decision,
  type RegistryClient,
  type RegistryClientOptions,
} from './tools/registry-client.ts';
export { controlFileName, controlProof } from './tools/service-link.ts';
export {
  createCacheHandle,
  createDirectHandle,
  type DirectHandleOptions,
  type RegistryHandle,
  type RegistryUse,
} from './tools/registry-handle.ts';
export {
  createRegistryTools,
  type RegistryToolDefinition,
  type RegistryToolResult,
  type RegistryTools,
  type RegistryToolsOptions,
} from './tools/registry-tools.ts';
export { compareVersions } from './version-order.ts';
