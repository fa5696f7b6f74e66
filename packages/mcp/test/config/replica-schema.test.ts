import { expect, test } from 'vitest';
import { createGateway } from '../../src/create-gateway.ts';
import { checkEntry } from '../../src/config/config-schema.ts';
import { readReplicas } from '../../src/config/replica-schema.ts';
import { redactConnector } from '../../src/config/redact-connector.ts';
import type { VariableScope } from '../../src/config/variables.ts';
import { connector } from '../e2e/gateway-fixture.ts';

const scope: VariableScope = {
  env: { HOST: 'b.test' },
  workspaceFolder: '/',
  home: '/',
  inputs: new Map(),
};
const read = (entry: Parameters<typeof readReplicas>[0]): ReturnType<typeof readReplicas> =>
  readReplicas(entry, scope);

test('readReplicas() of an entry without replicas is none', () => {
  expect(read({})).toEqual({ replicas: undefined, problem: undefined });
  expect(read({ replicas: [], instances: 1 }).replicas).toBeUndefined();
});

test('S2-17 readReplicas() puts variables in and fills the defaults', () => {
  const { replicas } = read({
    replicas: [{ url: 'https://${env:HOST}/mcp', weight: 2 }, { url: 'https://c.test/mcp' }],
  });
  expect(replicas).toEqual({
    more: [
      { url: 'https://b.test/mcp', weight: 2 },
      { url: 'https://c.test/mcp', weight: 1 },
    ],
    weight: 1,
    balance: 'least-in-flight',
    instances: 1,
  });
  expect(read({ instances: 4 }).replicas).toMatchObject({ more: [], instances: 4 });
});

test.each([
  ['ftp://b.test/', 'must be https://host/path'],
  ['not a url', 'must be https://host/path'],
  ['https://user:word@b.test/', 'without user info'],
  ['https://${env:NOWHERE}/', 'NOWHERE'],
])('readReplicas() says what is wrong with %s', (url, why) => {
  const { replicas, problem } = read({ replicas: [{ url }] });
  expect(replicas).toBeUndefined();
  expect(problem).toContain(why);
});

test.each([
  [{ instances: 0 }, 'must be a whole number from 1 to 64'],
  [{ instances: 65 }, 'must be a whole number from 1 to 64'],
  [{ balance: 'random' }, 'must be one of round-robin, weighted, least-in-flight, ewma'],
  [{ replicas: 'https://b.test' }, 'must be an array'],
  [{ replicas: [{ url: 'https://b.test', weight: 0 }] }, 'must be a number from 0.01 to 1000'],
])('the schema refuses %o', (entry, message) => {
  const checked = checkEntry({ url: 'https://a.test', ...entry });
  expect(checked.kind === 'invalid' ? checked.message : '').toContain(message);
});

test('a replica that cannot be used makes its connector unavailable, phase config', async () => {
  await using gateway = await createGateway({
    mcpServers: {
      many: { url: 'http://127.0.0.1:9/mcp', replicas: [{ url: 'https://${NONE}/' }] },
    },
    env: {},
  });
  const [many] = gateway.manager.listConnectors();
  expect(many).toMatchObject({ state: 'unavailable', phase: 'config' });
  expect(many?.failure?.message).toContain('NONE');
});

test('redactConnector() hides what an address of a replica may hold', () => {
  const replicas = {
    more: [{ url: 'https://b.test/mcp?key=secret-1', weight: 1 }],
    weight: 1,
    balance: 'ewma',
    instances: 1,
  } as const;
  const shown = redactConnector(connector('a', undefined, { replicas }));
  expect(JSON.stringify(shown)).not.toContain('secret-1');
  expect(shown.replicas?.more[0]?.url).toContain('https://b.test/mcp');
});
