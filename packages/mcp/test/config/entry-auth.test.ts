import { expect, test } from 'vitest';
import { redactConnector } from '../../src/config/redact-connector.ts';
import { readSecretsKey } from '../../src/config/secrets-key.ts';
import type { ConnectorDefinition } from '../../src/connectors/connector.ts';
import { resolveLateValues } from '../../src/connectors/entry/late-values.ts';
import { configFolder } from './config-folder.ts';

const URL = 'https://mcp.example.com/mcp';

async function read(
  entry: object,
  env: Record<string, string> = {},
): Promise<{ connector: ConnectorDefinition | undefined; warnings: string }> {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', { mcpServers: { one: { url: URL, ...entry } } });
  const { connectors, warnings } = await folder.load({}, env);
  return { connector: connectors[0], warnings: warnings.join('\n') };
}

async function failure(entry: object): Promise<string> {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', { mcpServers: { one: { url: URL, ...entry } } });
  return (await folder.fail()).message;
}

test('auth of type bearer is the Authorization header, from a variable or a file', async () => {
  const plain = await read({ auth: { type: 'bearer', token: '${TOKEN}' } }, { TOKEN: 't' });
  expect(plain.connector?.transport).toMatchObject({ headers: { Authorization: 'Bearer t' } });
  const late = await read({
    auth: { type: 'bearer', token: 'file:/run/token' },
    headers: { a: 'b' },
  });
  expect(late.connector?.transport).toMatchObject({
    headers: { a: 'b' },
    lateHeaders: { Authorization: 'Bearer ${file:/run/token}' },
  });
  expect(late.warnings).toBe('');
  const unset = await read({ auth: { type: 'bearer', token: '${TOKEN}' } });
  expect(unset.connector?.problem).toContain('set TOKEN');
});

test('auth of type header is a header of its own; those of HTTP and MCP are refused (S15)', async () => {
  const { connector } = await read(
    { auth: { type: 'header', name: 'X-Key', value: '${K}' } },
    { K: 'k' },
  );
  expect(connector?.transport).toMatchObject({ headers: { 'X-Key': 'k' } });
  for (const name of ['Host', 'content-length', 'Transfer-Encoding', 'Mcp-Session-Id', 'MCP-x']) {
    expect(await failure({ auth: { type: 'header', name, value: 'x' } })).toContain(
      'set by the protocol',
    );
  }
  expect(await failure({ auth: { type: 'header', name: 'a b', value: 'x' } })).toContain(
    'header name',
  );
});

test('auth of type oauth keeps its secrets as references, and hides them when it is shown', async () => {
  const auth = {
    type: 'oauth',
    grant: 'client_credentials',
    clientId: '${ID}',
    clientSecret: '${SECRET}',
    issuer: 'https://as.example.com',
    scopes: ['a', 'b'],
    redirectPort: 7_777,
  };
  const { connector } = await read({ auth }, { ID: 'me', SECRET: 's' });
  const { type: _type, ...rest } = auth;
  expect(connector?.transport).toEqual({
    kind: 'http',
    url: URL,
    headers: {},
    oauth: { ...rest, clientId: 'me' },
  });
  const again = await read({ auth }, { ID: 'me', SECRET: 's' });
  expect(again.connector).toEqual(connector);
  const shown = connector && JSON.stringify(redactConnector(connector));
  expect(shown).toContain('"clientSecret":"[redacted]"');
  expect(shown).toContain('https://as.example.com');
  const resolved = connector && (await resolveLateValues(connector, {}));
  expect(resolved?.transport).toMatchObject({ oauth: { clientSecret: '${SECRET}' } });
  const least = await read({ auth: { type: 'oauth' }, type: 'sse' });
  expect(least.connector?.transport).toMatchObject({
    kind: 'sse',
    oauth: { grant: 'authorization_code' },
  });
});

test.for([
  [
    { type: 'oauth', clientId: 'a', clientSecret: 's' },
    /clientSecret is given without an issuer|without an issuer/,
  ],
  [{ type: 'oauth', clientSecret: 's', issuer: 'https://a.test' }, /without a clientId/],
  [
    { type: 'oauth', clientId: 'a', issuer: 'https://a.test', clientSecret: 's', privateKey: 'p' },
    /keep one of the two/,
  ],
  [
    { type: 'oauth', grant: 'client_credentials', clientId: 'a' },
    /needs a client that can prove itself/,
  ],
  [{ type: 'oauth', grant: 'password' }, /authorization_code or client_credentials/],
  [{ type: 'oauth', redirectPort: 70_000 }, /from 0 to 65535/],
  [{ type: 'bearer' }, /must be a string/],
  [{ type: 'magic' }, /must be bearer, header or oauth/],
] as const)('auth %j is refused, naming its place', async ([auth, message]) => {
  const text = await failure({ auth });
  expect(text).toMatch(message);
  expect(text).toMatch(/cortex-mcp\.json:1:\d+ .*auth/);
});

test('auth is refused beside the same header, and for a process', async () => {
  const headers = { authorization: 'x' };
  expect(await failure({ auth: { type: 'oauth' }, headers })).toMatch(/given in headers as well/);
  expect(await failure({ auth: { type: 'bearer', token: 't' }, headers })).toMatch(/as well/);
  expect(await failure({ url: undefined, command: 'x', auth: { type: 'oauth' } })).toMatch(
    /for servers over HTTP/,
  );
});

test('auth of type oauth needs https, or a server on this machine; addresses must be such', async () => {
  const auth = { type: 'oauth' };
  expect((await read({ auth, url: 'http://mcp.example.com/' })).connector?.problem).toMatch(
    /https/,
  );
  expect((await read({ auth, url: 'http://127.0.0.1:1/' })).connector?.problem).toBeUndefined();
  expect((await read({ auth, url: 'http://[::1]:1/' })).connector?.problem).toBeUndefined();
  const replicas = [{ url: 'https://other.example.com/mcp' }];
  expect((await read({ auth, replicas })).connector?.problem).toMatch(/replicas only with/);
  const odd = { type: 'oauth', issuer: 'as.example' };
  expect((await read({ auth: odd })).connector?.problem).toContain('"as.example" is not a URL');
});

test('what clients keep under auth is left alone; an unknown key of ours is named', async () => {
  for (const auth of ['oauth', { CLIENT_ID: 'x' }, null, true]) {
    const { connector, warnings } = await read({ auth });
    expect(connector?.transport).toEqual({ kind: 'http', url: URL, headers: {} });
    expect(warnings).toBe('');
  }
  const { warnings } = await read({ auth: { type: 'oauth', scope: ['a'] } });
  expect(warnings).toMatch(/unknown key "scope", did you mean "scopes"\?/);
});

test('readSecretsKey() takes the variable, else the file it names, else nothing', async () => {
  await using folder = await configFolder();
  const file = await folder.write('key', 'from a file\n');
  expect(await readSecretsKey({})).toBeUndefined();
  expect(await readSecretsKey({ MCP_SECRETS_KEY: 'k', MCP_SECRETS_KEY_FILE: file })).toEqual({
    key: 'k',
    name: 'MCP_SECRETS_KEY',
  });
  expect(await readSecretsKey({ MCP_SECRETS_KEY_FILE: file })).toMatchObject({
    key: 'from a file',
  });
  await expect(readSecretsKey({ MCP_SECRETS_KEY_FILE: '/no/such' })).rejects.toThrow(
    /cannot be read/,
  );
});
