import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as conformance from '../src/conformance.ts';
import * as fsStore from '../src/fs-store.ts';
import * as root from '../src/index.ts';

test('the public names of the package (contract, B6)', () => {
  expect(Object.keys(root).toSorted()).toEqual([
    'ChangedMeanwhileError',
    'RegistryError',
    'RegistryMemoryCache',
    'SourceError',
    'applyImport',
    'changeChecked',
    'clientConfigFiles',
    'clientNames',
    'clientSource',
    'clientTitles',
    'closeRegistryCache',
    'compareVersions',
    'controlFileName',
    'controlProof',
    'createCacheHandle',
    'createDirectHandle',
    'createMemoryStore',
    'createRegistryApi',
    'createRegistryApiGate',
    'createRegistryClient',
    'createRegistryTools',
    'editClientFile',
    'examineRegistry',
    'exportClientConfig',
    'exportClientNames',
    'exportServerJson',
    'findClientConfigs',
    'fromServerJson',
    'getRegistryCache',
    'importFromRegistry',
    'importServerJson',
    'isClientName',
    'isExportClientName',
    'isSecretReference',
    'mergeClientConfig',
    'officialMeta',
    'officialMetaKey',
    'openFileStore',
    'openSecretFolder',
    'parseServerJson',
    'planImport',
    'readAll',
    'readCheckedChange',
    'readClientConfig',
    'readClientFile',
    'readStored',
    'recordDigest',
    'recordKey',
    'recordLimits',
    'redactRecord',
    'redactedValue',
    'registryErrorCodes',
    'registryPath',
    'remove',
    'repairRegistry',
    'scanToml',
    'serverInfoMetaKey',
    'serverJsonSchema',
    'serverRecordSchema',
    'serverSchemaUrl',
    'serverStatuses',
    'serverTransports',
    'storeRecord',
    'storedJson',
    'takeSecrets',
    'toServerInfo',
    'toServerJson',
    'undoImport',
    'upsert',
    'withEmbeddedSecrets',
    'writeClientConfig',
  ]);
  expect(Object.keys(fsStore).toSorted()).toEqual([
    'closeRegistryCache',
    'getRegistryCache',
    'readAll',
    'remove',
    'upsert',
  ]);
  expect(Object.keys(conformance)).toEqual(['storeConformance']);
});

test('the error codes', () => {
  expect(root.registryErrorCodes).toEqual([
    'ENOSPC',
    'EDQUOT',
    'EFBIG',
    'EROFS',
    'EACCES',
    'EPERM',
    'EIO',
    'EBUSY',
    'ELOOP',
    'ELOCKED',
    'ENETFS',
    'EREGISTRYLOST',
    'EREGISTRYFORMAT',
    'EREGISTRYCLOSED',
    'EREGISTRYFULL',
    'ECACHEDISABLED',
    'EINVALIDRECORD',
  ]);
});

test('nothing in the source reads the wall clock, so a changed clock changes nothing (P5, F12)', () => {
  const folder = new URL('../src/', import.meta.url).pathname;
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const guilty = sources
    .filter((name) => name.endsWith('.ts'))
    .filter((name) => /Date\.now|new Date\(/u.test(readFileSync(join(folder, name), 'utf8')));
  expect(guilty).toEqual([]);
});
