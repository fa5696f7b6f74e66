import { expect, test } from 'vitest';
import { EMPTY_VIEW, type CatalogView, type ServerBehind } from '../../src/catalog/catalog.ts';
import { profileOf } from '../../src/gateway/identity.ts';
import type { JsonObject } from '../../src/protocol/message.ts';

const IDENTITY = { name: 'us', title: 'Us', version: '1' };

function server(
  connectorId: string,
  capabilities: JsonObject,
  instructions?: string,
): ServerBehind<string> {
  const serverInfo = { name: connectorId, version: '2' };
  const info = { era: 'modern', protocolVersion: '2026-07-28', capabilities } as const;
  return { connectorId, target: '', info: { ...info, serverInfo, instructions } };
}

function view(...servers: readonly ServerBehind<string>[]): CatalogView<string> {
  return { ...EMPTY_VIEW, servers };
}

function shared(complete: boolean, ...servers: readonly ServerBehind<string>[]) {
  const context = { connectorId: undefined, identity: IDENTITY, complete, era: 'modern' } as const;
  return profileOf(view(...servers), context);
}

function own(one: ServerBehind<string>) {
  const context = { connectorId: 'a', identity: IDENTITY, complete: true, era: 'legacy' } as const;
  return profileOf({ ...view(one), info: one.info }, context);
}

test('profileOf() of the shared endpoint offers every list, and else what some server offers', () => {
  const plain = shared(true, server('a', { tools: {} }));
  expect(plain.serverInfo).toEqual(IDENTITY);
  expect(plain.capabilities).toEqual({
    tools: { listChanged: true },
    prompts: { listChanged: true },
    resources: { listChanged: true },
  });
  const rich = shared(
    true,
    server('a', { completions: {}, logging: {} }),
    server('b', { resources: { subscribe: true } }),
  );
  expect(rich.capabilities).toMatchObject({
    resources: { listChanged: true, subscribe: true },
    completions: {},
    logging: {},
  });
});

test('profileOf() offers what a server that is not known yet may offer', () => {
  expect(shared(false).capabilities).toMatchObject({
    resources: { subscribe: true },
    completions: {},
    logging: {},
  });
});

test('profileOf() of the shared endpoint offers the extensions that it relays', () => {
  const extensions = { 'io.modelcontextprotocol/ui': { mimeTypes: ['x'] }, 'org.odd/ext': {} };
  expect(shared(true, server('a', { extensions })).capabilities).toMatchObject({
    extensions: { 'io.modelcontextprotocol/ui': { mimeTypes: ['x'] } },
  });
  expect(shared(true, server('a', { extensions })).capabilities['extensions']).not.toHaveProperty(
    'org.odd/ext',
  );
});

test('profileOf() of one server says what it says, without the tasks of 2025-11-25', () => {
  const capabilities = {
    tools: { listChanged: false },
    resources: { subscribe: true },
    experimental: { x: 1 },
    extensions: { 'org.odd/ext': {} },
    tasks: { list: {} },
  };
  const profile = own(server('a', capabilities, 'Be nice.'));
  expect(profile).toEqual({
    serverInfo: { name: 'a', version: '2' },
    instructions: 'Be nice.',
    capabilities: {
      tools: { listChanged: true },
      resources: { subscribe: true, listChanged: true },
      experimental: { x: 1 },
      extensions: { 'org.odd/ext': {} },
    },
  });
});

test('profileOf() merges instructions under their connectors, and leaves out whole ones beyond the bound', () => {
  const long = 'x'.repeat(16_000);
  const { instructions } = shared(
    true,
    server('a', {}, 'One.'),
    server('b', {}, ' '),
    server('c', {}, long),
    server('d', {}, long),
    server('e', {}, 'Two.'),
  );
  expect(instructions?.match(/^# \w$/gm)).toEqual(['# a', '# c', '# e']);
  expect(instructions).toMatch(/^# a\nOne\.\n\n# c\nx/);
  expect(shared(true, server('a', {})).instructions).toBeUndefined();
});
