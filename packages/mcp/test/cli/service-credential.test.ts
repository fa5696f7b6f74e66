import { tempFolder } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { createKey } from '../../src/auth/edit-keys.ts';
import { isOperatorToken } from '../../src/auth/operator-token.ts';
import { ensureSecret } from '../../src/auth/secret-file.ts';
import { createServiceCredential } from '../../src/cli/service-credential.ts';
import { identify, openTarget } from '../../src/cli/stdio-target.ts';
import { startGateway } from '../e2e/gateway-fixture.ts';

const HERE = { origin: 'http://127.0.0.1:3024' };

test('the state folder’s token goes to services of this machine only', async () => {
  await using folder = tempFolder();
  const secret = await ensureSecret(folder.path, 'operator-key');
  const credential = createServiceCredential({}, folder.path);
  const at = { port: 3024, nowMs: Date.now() };
  expect(isOperatorToken(secret, credential(HERE, '/mcp') ?? '', at)).toBe(true);
  expect(credential({ origin: 'http://gateway.example:3024' }, '/mcp')).toBeUndefined();
  const socket = { origin: 'http://localhost', socketPath: '/run/x.sock' };
  const shown = credential(socket, '/mcp') ?? '';
  expect(isOperatorToken(secret, shown, { ...at, port: undefined })).toBe(true);
  expect(createServiceCredential({}, undefined)(HERE, '/mcp')).toBeUndefined();
});

test('MCP_API_KEY is shown for what clients ask, the state folder’s token for the status', async () => {
  await using folder = tempFolder();
  await ensureSecret(folder.path, 'operator-key');
  const credential = createServiceCredential({ MCP_API_KEY: 'mgw_x' }, folder.path);
  expect(credential(HERE, '/mcp')).toBe('mgw_x');
  expect(credential(HERE, '/status')).toMatch(/^mgo_/);
  expect(credential({ origin: 'https://gateway.example' }, '/status')).toBe('mgw_x');
});

test('a service that asks for keys is found by the commands of its machine, and by nobody else', async () => {
  await using folder = tempFolder();
  await createKey(folder.path, { scopes: ['client'] });
  const settings = { config: { value: '/c.json' }, stateFolder: { value: folder.path } };
  await using gateway = await startGateway(
    [],
    {},
    {
      auth: { settings: {}, stateFolder: folder.path, watch: false },
      describeSettings: () => settings,
    },
  );
  const place = { origin: gateway.origin };
  const known = openTarget(place, '/mcp', createServiceCredential({}, folder.path));
  expect(await identify(known)).toEqual({ configPath: '/c.json', stateFolder: folder.path });
  await using elsewhere = tempFolder();
  await ensureSecret(elsewhere.path, 'operator-key');
  for (const credential of [undefined, createServiceCredential({}, elsewhere.path)]) {
    const stranger = openTarget(place, '/mcp', credential);
    expect(await identify(stranger)).toBeUndefined();
    await stranger.close();
  }
  await known.close();
});
