import { expect, test } from 'vitest';
import { newsOf } from '../../src/model/call-news.ts';
import { inputRequests, withResponses } from '../../src/model/input-requests.ts';
import {
  contentParts,
  offeredMark,
  readTool,
  searchTools,
  toolConnectors,
} from '../../src/model/tools.ts';

const tools = [
  { name: 'weather__forecast', description: 'The next days.' },
  { name: 'maps__find', title: 'Find', description: 'A forecast of traffic.' },
  {
    name: 'maps__my_forecast',
    annotations: { title: 'Mine', readOnlyHint: true, idempotentHint: false },
  },
  { name: 'plain' },
].map(readTool);

test('readTool() takes the connector from the name, and title and hints from where they are', () => {
  expect(tools[0]).toMatchObject({
    connector: 'weather',
    description: 'The next days.',
    hints: [],
  });
  expect(tools[2]).toMatchObject({ connector: 'maps', title: 'Mine', hints: ['read-only'] });
  expect(tools[3]).toMatchObject({ connector: '', title: undefined, inputSchema: {} });
});

function names(search: string, connector = ''): readonly string[] {
  return searchTools(tools, search, connector).map((one) => one.name);
}

test('searchTools() needs every word and puts names before descriptions', () => {
  expect(names('forecast')).toEqual(['weather__forecast', 'maps__my_forecast', 'maps__find']);
  expect(names('Forecast traffic')).toEqual(['maps__find']);
  expect(names('', 'maps')).toEqual(['maps__find', 'maps__my_forecast']);
  expect(names('nothing')).toEqual([]);
});

test('searchTools() finds in 10,000 tools within a frame or two', () => {
  const many = Array.from({ length: 10_000 }, (_, at) =>
    readTool({ name: `c${at % 50}__tool_${at}`, description: 'Does a thing. '.repeat(20) }),
  );
  // The least of some: a machine that stalls makes some of them slow.
  const tookMs = Array.from({ length: 5 }, () => {
    const startedAt = performance.now();
    expect(searchTools(many, 'tool_77 thing', '')).toHaveLength(111);
    return performance.now() - startedAt;
  });
  expect(Math.min(...tookMs)).toBeLessThan(250);
});

test('toolConnectors() counts by connector, in order', () => {
  expect(toolConnectors(tools)).toEqual([
    { id: '', count: 1 },
    { id: 'maps', count: 2 },
    { id: 'weather', count: 1 },
  ]);
});

test('offeredMark() tells other tools from the same ones, even when they are as many', () => {
  const one = { id: 'a', counts: { tools: 2, prompts: 0, resources: 0, templates: 0 } };
  const before = offeredMark([{ ...one, listsDigest: 'x' }]);
  expect(offeredMark([{ ...one, listsDigest: 'x' }])).toBe(before);
  expect(offeredMark([{ ...one, listsDigest: 'y' }])).not.toBe(before);
  expect(offeredMark([{ ...one, id: 'b', listsDigest: 'x' }])).not.toBe(before);
});

test('contentParts() draws texts and harmless images, and shows everything else as JSON', () => {
  const svg = { type: 'image', mimeType: 'image/svg+xml', data: 'PHN2Zz4=' };
  const broken = { type: 'image', mimeType: 'image/png', data: '"><script>' };
  const link = { type: 'resource_link', uri: 'javascript:alert(1)' };
  const parts = contentParts({
    content: [
      { type: 'text', text: 'said' },
      { type: 'image', mimeType: 'image/png', data: 'AAAA' },
      svg,
      broken,
      link,
      'no object',
    ],
  });
  expect(parts).toEqual([
    { kind: 'text', text: 'said' },
    { kind: 'image', url: 'data:image/png;base64,AAAA', mimeType: 'image/png' },
    { kind: 'other', type: 'image', json: svg },
    { kind: 'other', type: 'image', json: broken },
    { kind: 'other', type: 'resource_link', json: link },
  ]);
  expect(contentParts({})).toEqual([]);
});

test('inputRequests() reads the questions of a result, and which of them are forms', () => {
  const schema = { type: 'object' };
  const result = {
    resultType: 'input_required',
    requestState: 'opaque',
    inputRequests: {
      a: { method: 'elicitation/create', params: { message: 'Who?', requestedSchema: schema } },
      b: { method: 'elicitation/create', params: { mode: 'url', requestedSchema: schema } },
      c: { method: 'sampling/createMessage' },
    },
  };
  expect(inputRequests(result).map((one) => [one.key, one.message, one.schema])).toEqual([
    ['a', 'Who?', schema],
    ['b', '', undefined],
    ['c', '', undefined],
  ]);
  expect(inputRequests({ ...result, resultType: 'complete' })).toEqual([]);
  expect(withResponses(result, { a: 1 })).toEqual({
    inputResponses: { a: 1 },
    requestState: 'opaque',
  });
  expect(withResponses({}, {})).toEqual({ inputResponses: {} });
});

test('newsOf() says how far a call is, or what it said', () => {
  expect(newsOf({ params: { progress: 1, total: 4, message: 'reading' } })).toEqual({
    text: '1 of 4: reading',
    share: 0.25,
  });
  expect(newsOf({ params: { progress: 7 } })).toEqual({ text: '7', share: undefined });
  expect(newsOf({ params: { progress: 9, total: 4 } }).share).toBe(1);
  expect(newsOf({ method: 'notifications/message', params: { data: 'hm' } }).text).toBe('hm');
  expect(newsOf({ method: 'notifications/odd' }).text).toBe('notifications/odd');
});
