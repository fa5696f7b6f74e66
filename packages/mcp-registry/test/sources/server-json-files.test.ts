import { expect, test } from 'vitest';
import { fromServerJson, serverSchemaUrl } from '../../src/server-json.ts';
import { exportServerJson } from '../../src/sources/export-server-json.ts';
import { importServerJson } from '../../src/sources/import-server-json.ts';
import { server } from '../lib/records.ts';

const document = {
  $schema: serverSchemaUrl,
  name: 'io.test/a',
  version: '1.0.0',
  description: 'a server',
  extra: { kept: [1] },
  packages: [
    { registryType: 'npm', identifier: 'a', version: '1.0.0', transport: { type: 'stdio' } },
  ],
};
const read = (...values: unknown[]) =>
  importServerJson(values.map((value, n) => ({ file: `f${n}.json`, text: JSON.stringify(value) })));

test('importServerJson() reads files and arrays as local records and keeps the documents', () => {
  const { records, skipped, warnings } = read(document, [
    { ...document, name: 'io.test/b' },
    document,
  ]);
  expect(records.map(({ name }) => name)).toEqual(['io.test/a', 'io.test/b', 'io.test/a']);
  expect(records[0]).toMatchObject({
    origin: 'local',
    server: document,
    command: 'npx',
    source: { kind: 'file' },
  });
  expect([skipped, warnings]).toEqual([[], []]);
});

test('importServerJson() brings older schemas up to date and says so', () => {
  const old = {
    $schema: 'https://static.modelcontextprotocol.io/schemas/2025-07-09/server.schema.json',
    name: 'io.test/old',
    version: '0.1.0',
    description: 'old',
    packages: [
      {
        registry_type: 'npm',
        identifier: 'old',
        version: '0.1.0',
        environment_variables: [{ name: 'KEY', is_secret: true }],
      },
      7,
    ],
  };
  const good = { ...old, packages: old.packages.slice(0, 1) };
  const { records, warnings, skipped } = read(good, { ...good, packages: undefined }, old);
  expect(warnings).toHaveLength(3);
  expect(warnings[0]).toContain('f0.json');
  expect(records[0]).toMatchObject({
    command: 'npx',
    args: ['-y', 'old@0.1.0'],
    env: { KEY: '${KEY}' },
    server: {
      $schema: serverSchemaUrl,
      packages: [{ registryType: 'npm', transport: { type: 'stdio' } }],
    },
  });
  expect(records).toHaveLength(2);
  expect(skipped).toMatchObject([
    { name: 'io.test/old', reason: expect.stringMatching(/^f2[.]json: /) as string },
  ]);
});

test('importServerJson() names each file and entry it cannot read', () => {
  const { records, skipped } = importServerJson([
    { file: 'broken.json', text: '{' },
    { file: 'list.json', text: '[3, {"name": "io.test/x"}]' },
  ]);
  expect(records).toEqual([]);
  expect(skipped.map(({ name }) => name)).toEqual(['broken.json', 'list.json[0]', 'io.test/x']);
});

test('exportServerJson() gives back the document without the secrets in it', () => {
  const headers = [
    { name: 'Authorization', value: 'Bearer s3cret' },
    { name: 'Accept', value: 'text/plain' },
    { name: 'X-Key', isSecret: true, value: '${KEY}', default: 's3cret' },
  ];
  const remotes = [{ type: 'streamable-http', url: 'https://h.test/mcp', headers }];
  const exported = exportServerJson(fromServerJson({ ...document, remotes }));
  expect(exported).toEqual({
    ...document,
    remotes: [
      {
        ...remotes[0],
        headers: [
          { name: 'Authorization' },
          headers[1],
          { name: 'X-Key', isSecret: true, value: '${KEY}' },
        ],
      },
    ],
  });
});

test('exportServerJson() makes a document of a local record that says nothing about this machine', () => {
  const record = server('My Server', {
    origin: 'local',
    connector: {},
    enabled: true,
    cwd: '/home/me',
    source: { kind: 'client', client: 'cursor', place: 'abcdef0123456789' },
    env: { API_KEY: 'file:secrets/x', TOKEN: 's3cret' },
    custom: 1,
  });
  const exported = exportServerJson(record);
  const text = JSON.stringify(exported);
  for (const hidden of ['s3cret', 'file:', '/home/me', 'abcdef', 'connector', 'origin'])
    expect(text).not.toContain(hidden);
  expect(text).toContain('${API_KEY}');
  const [again] = read(exported).records;
  expect(again).toMatchObject({ name: 'local/My-Server', server: { _meta: {} } });
});
