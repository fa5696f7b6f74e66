import { expect, test } from 'vitest';
import { configFolder } from './config-folder.ts';

test.each([
  [
    '{"mcpServers":{"g":{"url":"htp://x/?t=s"}}}',
    'CONFIG_BAD_URL',
    'mcpServers.g.url',
    '"htp://x/" is not an http or https URL',
  ],
  [
    '{"mcpServers":{"g":{"url":"not a url"}}}',
    'CONFIG_BAD_URL',
    'mcpServers.g.url',
    'is not a URL',
  ],
  [
    '{"mcpServers":{"g":{"url":"https://u:%E0%A4%A@h/"}}}',
    'CONFIG_BAD_URL',
    'mcpServers.g.url',
    'user info',
  ],
  [
    '{"mcpServers":{"g":{"url":"https://h","command":"x"}}}',
    'CONFIG_CONFLICT',
    'mcpServers.g',
    'both a command and a url',
  ],
  [
    '{"mcpServers":{"g":{"comand":"x"}}}',
    'CONFIG_CONFLICT',
    'mcpServers.g',
    'did you mean "command"?',
  ],
  ['{"mcpServers":{"g":{}}}', 'CONFIG_CONFLICT', 'mcpServers.g', 'neither a command nor a url'],
  [
    '{"mcpServers":{"g":{"type":"http","command":"x"}}}',
    'CONFIG_CONFLICT',
    'mcpServers.g.type',
    'there is no url',
  ],
  [
    '{"mcpServers":{"g":{"type":"stdio","url":"http://h"}}}',
    'CONFIG_CONFLICT',
    'mcpServers.g.type',
    'there is no command',
  ],
  [
    '{"mcpServers":{"g":{"type":"tcp","url":"http://h"}}}',
    'CONFIG_BAD_TYPE',
    'mcpServers.g.type',
    'must be stdio, http',
  ],
  [
    '{"mcpServers":{"g":{"command":"x","args":["a",1]}}}',
    'CONFIG_BAD_TYPE',
    'mcpServers.g.args[1]',
    'must be a string',
  ],
  [
    '{"mcpServers":{"g":{"command":"x","args":"a"}}}',
    'CONFIG_BAD_TYPE',
    'mcpServers.g.args',
    'must be an array of strings',
  ],
  [
    '{"mcpServers":{"g":{"command":"x","env":{"A":true}}}}',
    'CONFIG_BAD_TYPE',
    'mcpServers.g.env.A',
    'must be a string',
  ],
  [
    '{"mcpServers":{"g":{"command":"x","disabled":"yes"}}}',
    'CONFIG_BAD_TYPE',
    'mcpServers.g.disabled',
    'must be true or false',
  ],
  [
    '{"mcpServers":{"g":{"command":"x","disabled":true,"enabled":true}}}',
    'CONFIG_CONFLICT',
    'mcpServers.g.disabled',
    'both enabled and disabled',
  ],
  [
    '{"mcpServers":{"g":{"command":"x","timeouts":3}}}',
    'CONFIG_BAD_TYPE',
    'mcpServers.g.timeouts',
    'must be an object',
  ],
  [
    '{"mcpServers":{"g":{"command":"x","timeouts":{"maxCallMs":0}}}}',
    'CONFIG_BAD_TYPE',
    'mcpServers.g.timeouts.maxCallMs',
    'whole number',
  ],
  [
    '{"mcpServers":{"g":{"url":"http://h","headers":{"a b":"c"}}}}',
    'CONFIG_BAD_VALUE',
    'mcpServers.g.headers["a b"]',
    'not a header name',
  ],
  ['{"mcpServers":{"g":"npx"}}', 'CONFIG_BAD_TYPE', 'mcpServers.g', 'must be an object'],
  ['{"mcpServers":[]}', 'CONFIG_BAD_TYPE', 'mcpServers', 'must be an object of connectors'],
  [
    '{"mcpServers":{"g":{"command":"x"}},"servers":{"g":{"command":"x"}}}',
    'CONFIG_DUPLICATE_KEY',
    'servers.g',
    'given twice',
  ],
  ['{"servers":{},"inputs":{}}', 'CONFIG_BAD_TYPE', 'inputs', 'must be an array'],
  ['{"servers":{},"inputs":[{"id":1}]}', 'CONFIG_BAD_TYPE', 'inputs[0].id', 'must be a string'],
  [
    '{"flags":{"MCP_LIST_PREBUILT":"no"}}',
    'CONFIG_BAD_TYPE',
    'flags.MCP_LIST_PREBUILT',
    'must be true or false',
  ],
  ['{"separator":"/"}', 'CONFIG_BAD_TYPE', 'separator', 'must be "__" or "."'],
])('loadConfig() refuses %s', async (text, code, path, what) => {
  await using folder = await configFolder();
  const file = await folder.write('cortex-mcp.json', text);
  const error = await folder.fail();
  expect(error).toMatchObject({ code, file, path, line: 1 });
  expect(error.message).toContain(what);
  expect(error.message.startsWith(`${file}:1:`)).toBe(true);
  expect(error.message).not.toContain('\n');
  expect(error.message).not.toContain('t=s');
  expect(error.remedy).not.toBe('');
});

test('readConnectors() warns of unknown keys with the nearest known one, and not of the keys of clients', async () => {
  await using folder = await configFolder();
  const file = await folder.write('cortex-mcp.json', {
    prot: 1,
    zzzzzz: 1,
    _comment: '',
    flags: { MCP_LIST_PREBUILD: false },
    mcpServers: {
      a: {
        command: 'x',
        arg: [],
        autoApprove: [],
        alwaysAllow: [],
        oauth: {},
        note: '',
        '//': '',
        timeouts: { idleTimeoutMS: 5 },
      },
    },
  });
  const { warnings } = await folder.load();
  expect(warnings).toEqual([
    `${file}:1:9 prot: unknown key "prot", did you mean "port"?`,
    expect.stringMatching(/zzzzzz: unknown key "zzzzzz"$/),
    expect.stringContaining('did you mean "MCP_LIST_PREBUILT"?'),
    expect.stringMatching(/mcpServers\.a\.arg: unknown key "arg", did you mean "args"\?$/),
    expect.stringContaining('did you mean "idleTimeoutMs"?'),
  ]);
});

test('readConnectors() says nothing of the other keys of a client’s own file', async () => {
  await using folder = await configFolder();
  const content = { numStartups: 3, theme: 'dark', mcpServers: { a: { command: 'x' } } };
  const named = await folder.write('.claude.json', content);
  const marked = await folder.write('copy.json', content);
  for (const config of [named, marked])
    expect((await folder.load({ config })).warnings).toEqual([]);
});

test('readConnectors() warns of a file without connectors, and of a command with arguments in it', async () => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', {});
  expect((await folder.load()).warnings).toEqual([expect.stringContaining('no connectors')]);
  await folder.write('cortex-mcp.json', { mcpServers: { a: { command: 'npx -y thing' } } });
  expect((await folder.load()).warnings).toEqual([expect.stringContaining('belongs in args')]);
});
