import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import * as connectors from '../../src/connectors/index.ts';
import * as root from '../../src/index.ts';
import { repoRoot } from './import-graph.ts';

// What users can hold on to, as literals: a change here is a change for them and needs a changeset.

const read = (path: string): unknown => JSON.parse(readFileSync(join(repoRoot, path), 'utf8'));

test('@cortex-os/mcp exports these values and no others', () => {
  expect(Object.keys(root).toSorted()).toEqual([
    'ConfigError',
    'ConnectorProxyManager',
    'DEFAULT_TIMEOUTS',
    'ManifestCache',
    'RefreshScheduler',
    'ServiceMapError',
    'UpstreamError',
    'createConnectorUpstreams',
    'createGateway',
    'definitionsOfMap',
    'ed25519SignKey',
    'ed25519VerifyKey',
    'hmacKey',
    'loadConnectorServiceMap',
    'parseConnectorFeatureFlags',
    'signServiceMap',
    'verifyServiceMap',
  ]);
});

test('@cortex-os/mcp/connectors exports these values and no others', () => {
  expect(Object.keys(connectors).toSorted()).toEqual([
    'ConnectorProxyManager',
    'DEFAULT_TIMEOUTS',
    'ManifestCache',
  ]);
});

test('ConnectorProxyManager keeps the methods of the earlier build', () => {
  const { prototype } = root.ConnectorProxyManager;
  expect(['sync', 'listConnectors', 'disconnect'].filter((name) => !(name in prototype))).toEqual(
    [],
  );
});

test('the package has these entry points and one command', () => {
  const manifest = z.object({
    name: z.literal('@cortex-os/mcp'),
    bin: z.record(z.string(), z.string()),
    exports: z.record(z.string(), z.unknown()),
    engines: z.object({ node: z.string() }),
  });
  const { bin, exports, engines } = manifest.parse(read('packages/mcp/package.json'));

  expect(Object.keys(exports)).toEqual(['.', './connectors', './package.json']);
  expect(bin).toEqual({ 'cortex-mcp': './bin/cortex-mcp.js' });
  expect(engines.node).toBe('^22.22.2 || ^24.15.0 || >=26');
});

test('the command asks for the Node that the package asks for', () => {
  const bin = readFileSync(join(repoRoot, 'packages/mcp/bin/cortex-mcp.js'), 'utf8');
  expect(bin).toContain(`const wanted = '^22.22.2 || ^24.15.0 || >=26';`);
});
