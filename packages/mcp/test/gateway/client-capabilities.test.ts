import { expect, test } from 'vitest';
import {
  ModernCaller,
  missingCapability,
  modernCapabilities,
  requiredCapabilities,
} from '../../src/gateway/call/client-capabilities.ts';
import { wants } from '../../src/gateway/listen/log-filter.ts';

const tools = { tools: [{ name: 'x' }] };

test.each([
  ['roots/list', {}, {}, 'roots'],
  ['roots/list', {}, { roots: { listChanged: true } }, undefined],
  ['elicitation/create', {}, {}, 'elicitation.form'],
  ['elicitation/create', {}, { elicitation: {} }, undefined],
  ['elicitation/create', { mode: 'form' }, { elicitation: { form: {} } }, undefined],
  ['elicitation/create', { mode: 'form' }, { elicitation: { url: {} } }, 'elicitation.form'],
  ['elicitation/create', { mode: 'url' }, { elicitation: {} }, 'elicitation.url'],
  ['elicitation/create', { mode: 'url' }, { elicitation: { url: {} } }, undefined],
  ['sampling/createMessage', {}, {}, 'sampling'],
  ['sampling/createMessage', {}, { sampling: {} }, undefined],
  ['sampling/createMessage', tools, { sampling: {} }, 'sampling.tools'],
  ['sampling/createMessage', { toolChoice: {} }, { sampling: {} }, 'sampling.tools'],
  ['sampling/createMessage', tools, { sampling: { tools: {} } }, undefined],
  ['sampling/createMessage', { includeContext: 'all' }, { sampling: {} }, undefined],
  ['sampling/createMessage', {}, { sampling: true }, 'sampling'],
  ['tasks/get', {}, {}, 'tasks/get'],
])(
  'missingCapability() of %s with %j by a client with %j is %s',
  (method, params, has, missing) => {
    expect(missingCapability(method, params, has)).toBe(missing);
  },
);

test('modernCapabilities() keeps what the modern revision knows (2026-07-28, ClientCapabilities)', () => {
  const declared = {
    roots: { listChanged: true },
    sampling: { tools: {} },
    elicitation: {},
    tasks: { list: {} },
    experimental: { x: {} },
  };
  expect(modernCapabilities(declared)).toEqual({
    roots: {},
    sampling: { tools: {} },
    elicitation: {},
    experimental: { x: {} },
  });
  expect(modernCapabilities({})).toEqual({});
});

test('requiredCapabilities() nests', () => {
  expect(requiredCapabilities('elicitation.url')).toEqual({ elicitation: { url: {} } });
  expect(requiredCapabilities('roots')).toEqual({ roots: {} });
});

const caller = (text: string) =>
  new ModernCaller([{ key: 'io.modelcontextprotocol/clientCapabilities', text }]);

test('ModernCaller reads what the request declares, and nothing when it declares nonsense', () => {
  expect(caller('{"roots":{}}').capabilities).toEqual({ roots: {} });
  expect(caller('[1]').capabilities).toEqual({});
  expect(new ModernCaller([])).toMatchObject({ id: '', envelope: [], capabilities: {} });
});

test.each([
  ['debug', 'info', false],
  ['info', 'info', true],
  ['emergency', 'info', true],
  ['nobody knows', 'info', true],
])('a %s message for a client that wants %s: %s (RFC 5424)', (level, wanted, reaches) => {
  const message = { method: 'notifications/message', params: { level } };
  expect(wants(message, { level: wanted, unsaid: 'none' })).toBe(reaches);
});

test('without a level a legacy client gets all and a modern one none; progress always passes', () => {
  const message = { method: 'notifications/message', params: { level: 'info' } };
  expect(wants(message, { level: undefined, unsaid: 'all' })).toBe(true);
  expect(wants(message, { level: undefined, unsaid: 'none' })).toBe(false);
  const progress = { method: 'notifications/progress' };
  expect(wants(progress, { level: undefined, unsaid: 'none' })).toBe(true);
});
