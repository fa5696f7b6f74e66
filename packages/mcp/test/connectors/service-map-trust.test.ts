import { expect, test } from 'vitest';
import type { ServiceMapEntry } from '../../src/connectors/map/service-map-schema.ts';
import {
  checkRemoteTrust,
  type RemoteTrustPolicy,
} from '../../src/connectors/map/service-map-trust.ts';

function codes(fields: Partial<ServiceMapEntry>, policy: RemoteTrustPolicy = {}): string[] {
  const entry: ServiceMapEntry = { id: 'x', displayName: 'x', enabled: true, ...fields };
  return checkRemoteTrust(entry, policy).map((refusal) => refusal.code);
}

test('checkRemoteTrust() accepts https at public names and addresses', () => {
  expect(codes({ endpoint: 'https://mcp.example.com/mcp?x=1' })).toEqual([]);
  expect(codes({ endpoint: 'https://8.8.8.8/mcp' })).toEqual([]);
  expect(codes({ endpoint: 'https://[2606:4700::1111]/' })).toEqual([]);
});

test('checkRemoteTrust() takes http from allowed hosts only (defect 13)', () => {
  const endpoint = 'http://mcp.internal.example:8080/mcp';
  expect(codes({ endpoint })).toEqual(['ENDPOINT_NOT_HTTPS']);
  expect(codes({ endpoint }, { allowedHosts: ['mcp.internal.example'] })).toEqual([
    'ENDPOINT_NOT_HTTPS',
  ]);
  expect(codes({ endpoint }, { allowedHosts: ['mcp.internal.example:8080'] })).toEqual([]);
});

test.each([
  '127.0.0.1',
  '127.1',
  '0x7f000001',
  '2130706433',
  '0177.0.0.1',
  '0.0.0.0',
  '10.1.2.3',
  '100.64.0.1',
  '169.254.169.254',
  '172.31.255.255',
  '192.168.0.1',
  '198.18.0.1',
  '255.255.255.255',
  'localhost',
  'LOCALHOST.',
  'db.localhost',
  'printer.local',
  'metadata.google.internal',
  '[::]',
  '[::1]',
  '[::ffff:127.0.0.1]',
  '[::127.0.0.1]',
  '[::ffff:0:127.0.0.1]',
  '[64:ff9b::7f00:1]',
  '[64:ff9b:1::7f00:1]',
  '[2001:0:4136:e378:8000:63bf:80ff:fffe]',
  '[2002:7f00:1::]',
  '[fd00::1]',
  '[fe80::1]',
  '[ff02::1]',
])('checkRemoteTrust() refuses the private host %s unless it is allowed (S5)', (host) => {
  const endpoint = `https://${host}/mcp`;
  expect(codes({ endpoint })).toEqual(['ENDPOINT_PRIVATE']);
  expect(codes({ endpoint }, { allowedHosts: [new URL(endpoint).host] })).toEqual([]);
});

test('checkRemoteTrust() refuses endpoints whose target is unknown or that carry credentials', () => {
  expect(codes({ endpoint: 'https://${HOST}/mcp' })).toEqual(['ENDPOINT_UNRESOLVED']);
  expect(codes({ endpoint: 'https://user:pw@mcp.example.com/' })).toEqual(['ENDPOINT_CREDENTIALS']);
});

test('checkRemoteTrust() runs no command but one the operator names, to the last argument (S7)', () => {
  const entry = { command: 'npx', args: ['-y', 'server@1.2.3'] };
  expect(codes(entry)).toEqual(['COMMAND_NOT_ALLOWED']);
  expect(codes(entry, { allowedCommands: [['npx']] })).toEqual(['COMMAND_NOT_ALLOWED']);
  expect(codes(entry, { allowedCommands: [['npx', '-y', 'server@9']] })).toEqual([
    'COMMAND_NOT_ALLOWED',
  ]);
  expect(codes(entry, { allowedCommands: [['npx', '-y', 'server@1.2.3']] })).toEqual([]);
});

test.each([
  'NODE_OPTIONS',
  'node_options',
  'LD_PRELOAD',
  'DYLD_INSERT_LIBRARIES',
  'PATH',
  'BASH_ENV',
  'UV_INDEX_URL',
  'PIP_INDEX_URL',
  'PYTHONUSERBASE',
  'NODE_PATH',
  'npm_config_registry',
  'AWS_CONFIG_FILE',
  'KUBECONFIG',
  'CLASSPATH',
  'GOPROXY',
  'JAVA_TOOL_OPTIONS',
  'DOCKER_HOST',
])(
  'checkRemoteTrust() refuses the steering variable %s even for an allowed command (S7)',
  (name) => {
    const policy = { allowedCommands: [['run']] };
    expect(codes({ command: 'run', env: { [name]: 'x', LANG: 'C' } }, policy)).toEqual([
      'ENVIRONMENT_NOT_ALLOWED',
    ]);
  },
);

test.each([
  'API_KEY',
  'GITHUB_TOKEN',
  'NODE_ENV',
  'LOG_LEVEL',
  'TZ',
  'SENTRY_DSN',
  'GOOGLE_API_KEY',
])('checkRemoteTrust() lets an allowed command have the variable %s', (name) => {
  const policy = { allowedCommands: [['run']] };
  expect(codes({ command: 'run', env: { [name]: 'x' } }, policy)).toEqual([]);
});

test('checkRemoteTrust() runs an allowed command in no folder that the map names (S7)', () => {
  const policy = { allowedCommands: [['node', 'server.mjs']] };
  const entry = { command: 'node', args: ['server.mjs'] };
  expect(codes(entry, policy)).toEqual([]);
  expect(codes({ ...entry, cwd: '/tmp/uploads' }, policy)).toEqual(['CWD_NOT_ALLOWED']);
});

test('checkRemoteTrust() refuses headers that frame the message or belong to MCP (S15)', () => {
  const endpoint = 'https://mcp.example.com/';
  const headers = { Host: 'a', 'Mcp-Session-Id': 'b', 'Transfer-Encoding': 'c', 'X-Ok': 'd' };
  expect(codes({ endpoint, headers })).toEqual(Array(3).fill('HEADER_NOT_ALLOWED'));
  expect(codes({ endpoint, auth: { type: 'apiKey', headerName: 'content-length' } })).toEqual([
    'HEADER_NOT_ALLOWED',
  ]);
  expect(codes({ endpoint, headers: { Authorization: 'Bearer ${T}' } })).toEqual([]);
});

test('checkRemoteTrust() never reads files for a remote map, and variables as the policy says', () => {
  const endpoint = 'https://mcp.example.com/';
  const headers = { 'X-A': '${TOKEN}' };
  expect(codes({ endpoint, headers })).toEqual([]);
  expect(codes({ endpoint, headers }, { allowedVariables: ['TOKEN'] })).toEqual([]);
  expect(codes({ endpoint, headers }, { allowedVariables: [] })).toEqual(['REFERENCE_NOT_ALLOWED']);
  expect(codes({ endpoint, headers: { 'X-A': '${file:/etc/passwd}' } })).toEqual([
    'REFERENCE_NOT_ALLOWED',
  ]);
  const other = { 'X-A': '${env:TOKEN:-none}', 'X-B': 'v ${ env:OTHER }' };
  expect(codes({ endpoint, headers: other }, { allowedVariables: ['TOKEN', 'OTHER'] })).toEqual([]);
  expect(codes({ endpoint, headers: other }, { allowedVariables: ['TOKEN'] })).toEqual([
    'REFERENCE_NOT_ALLOWED',
  ]);
  expect(codes({ endpoint, headers: { 'X-A': '${ file:/etc/passwd }' } })).toEqual([
    'REFERENCE_NOT_ALLOWED',
  ]);
  const auth = { type: 'bearer', credential: 'file:/etc/passwd' } as const;
  expect(codes({ endpoint, auth })).toEqual(['REFERENCE_NOT_ALLOWED']);
});

test('checkRemoteTrust() shows no values of headers or environment', () => {
  const entry: ServiceMapEntry = {
    id: 'x',
    displayName: 'x',
    enabled: true,
    endpoint: 'http://u:canary@127.0.0.1/canary',
    headers: { Host: 'canary' },
    env: { LD_PRELOAD: 'canary' },
  };
  const refusals = checkRemoteTrust(entry, {});
  expect(refusals.length).toBeGreaterThan(3);
  expect(JSON.stringify(refusals)).not.toContain('canary');
});
