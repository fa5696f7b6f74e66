import {
  assert,
  constant,
  dictionary,
  jsonValue,
  oneof,
  option,
  property,
  record,
  string,
  array,
  constantFrom,
} from 'fast-check';
import { expect, test } from 'vitest';
import { exportClientNames, type ExportClientName } from '../../src/sources/client.ts';
import { exportClientConfig } from '../../src/sources/export-client-config.ts';
import { sameJson } from '../../src/sources/json-text.ts';
import { readClientConfig } from '../../src/sources/read-client-config.ts';
import { isLiteralSecret } from '../../src/sources/secret-detection.ts';
import { mapRecordValues } from '../../src/sources/record-values.ts';

const text = oneof(
  string({ unit: 'binary', maxLength: 20 }),
  string({ unit: 'grapheme', maxLength: 20 }),
  constantFrom(
    '${VAR}',
    '${env:A}',
    '${input:id}',
    '${A:-b}',
    'x${workspaceFolder}y',
    '-y',
    '--k=v',
    'a: b',
    'https://u:${P}@h.test/p?q=${X}&r#f',
  ),
);
const name = oneof(
  text,
  constantFrom(
    '__proto__',
    'constructor',
    'toString',
    'a.b',
    'a b',
    'ключ',
    '名前',
    '👩‍👩‍👧',
    '',
    'projects',
  ),
);
const unknownMembers = dictionary(
  name.filter(
    (key) =>
      ![
        'type',
        'command',
        'args',
        'env',
        'headers',
        'cwd',
        'envFile',
        'url',
        'httpUrl',
        'serverUrl',
        'disabled',
        'enabled',
        '__proto__',
      ].includes(key),
  ),
  jsonValue({ maxDepth: 2 }),
  { maxKeys: 3 },
);
const texts = dictionary(name, text, { maxKeys: 4 });
const variables = dictionary(name, oneof(text, constantFrom(null, 7, true)), { maxKeys: 4 });
const program = record(
  {
    command: text,
    args: array(text, { maxLength: 5 }),
    env: variables,
    cwd: text,
    envFile: text,
    type: constant('stdio'),
    disabled: constant(true),
  },
  { requiredKeys: ['command'] },
);
const remote = record(
  { url: text, headers: texts, type: constantFrom('http', 'sse', 'streamable-http', 'ws') },
  { requiredKeys: ['url'] },
);
const otherRemote = remote.chain(({ url, ...rest }) =>
  constantFrom('httpUrl', 'serverUrl').map((key) => Object.assign({ [key]: url }, rest)),
);
const entry = oneof(program, remote, otherRemote).chain((base) =>
  option(unknownMembers, { nil: {} }).map((more) => Object.assign({}, more, base)),
);
const entries = dictionary(name, entry, { maxKeys: 5 });

function fileOf(client: ExportClientName, servers: unknown, projects: unknown): string {
  const inputs = [{ id: 'id', type: 'promptString', description: 'd', password: true }];
  if (client === 'vscode') return JSON.stringify({ inputs, servers });
  return JSON.stringify({
    mcpServers: servers,
    ...(client === 'claude-code' && { projects: { '/some/project': { mcpServers: projects } } }),
  });
}

test.each(exportClientNames)('import, export and import of %s gives the same records', (client) => {
  const facts = { file: '/a/b/mcp.json', folder: '/a/$&b' };
  let compared = 0;
  assert(
    property(entries, entries, (servers, projects) => {
      const { records } = readClientConfig(client, fileOf(client, servers, projects), facts);
      // Records with secrets written out come back with placeholders; import-plan tests show those.
      const open = records.filter((one) => {
        let secret = false;
        mapRecordValues(one, (value, slot) => {
          secret ||= isLiteralSecret(value, slot.sensitive) || /file:/u.test(value);
          return value;
        });
        return !secret;
      });
      const exported = exportClientConfig(open, client);
      expect(exported.skipped).toEqual([]);
      const again = readClientConfig(client, JSON.stringify(exported.config), facts).records;
      // Names of project entries depend on what else is in the file.
      if (open.length !== records.length) return;
      compared += open.length;
      expect(again).toHaveLength(open.length);
      for (const one of open) expect(again.some((other) => sameJson(one, other))).toBe(true);
    }),
    { numRuns: 300 },
  );
  expect(compared).toBeGreaterThan(100);
});
