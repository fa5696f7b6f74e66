import { expect, test } from 'vitest';
import { BridgeParams } from '../../src/gateway/bridge/bridge-params.ts';

function tool(name: unknown, annotated = true): object {
  const region = { type: 'string', ...(annotated && { 'x-mcp-header': 'Region' }) };
  return { name, inputSchema: { type: 'object', properties: { region } } };
}

const page = (tools: unknown, nextCursor?: unknown): string =>
  JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    result: { tools, ...(nextCursor !== undefined && { nextCursor }) },
  });

test('learn() takes the annotated tools of a page, and says where the next one is', () => {
  const params = new BridgeParams();
  expect(params.learn(page([tool('a'), tool('plain', false)], 'more'))).toBe('more');
  expect(params.headers('a', { region: 'eu' })).toEqual({ 'mcp-param-region': 'eu' });
  expect(params.headers('plain', { region: 'eu' })).toEqual({});
  params.forget('a');
  expect(params.headers('a', { region: 'eu' })).toEqual({});
});

test('learn() takes nothing from what is no page, and no cursor that is no text', () => {
  const params = new BridgeParams();
  expect(
    params.learn('{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"no"}}'),
  ).toBeUndefined();
  expect(params.learn('{"jsonrpc":"2.0","id":1,"result":{}}')).toBeUndefined();
  expect(params.learn(page([tool(7)], 7))).toBeUndefined();
});

test('a tool of another kind than text has no headers, and there is nothing to forget', () => {
  const params = new BridgeParams();
  params.learn(page([tool('7')]));
  params.forget(7);
  expect(params.headers(7, { region: 'eu' })).toEqual({});
  expect(Object.keys(params.headers('7', { region: 'eu' }))).toHaveLength(1);
});

test('a thousand tools are remembered', () => {
  const params = new BridgeParams();
  params.learn(page(Array.from({ length: 1_001 }, (_, index) => tool(`t${index}`))));
  expect(params.headers('t999', { region: 'eu' })).not.toEqual({});
  expect(params.headers('t1000', { region: 'eu' })).toEqual({});
});
