import { expect, test } from 'vitest';
import { ask, members, never, open, received } from './fixtures-stdio/rig.ts';

test('an error answer rejects with RPC_ERROR and its raw text', async () => {
  const { upstream } = open([]);
  await expect(ask(upstream, { do: 'refuse' })).rejects.toMatchObject({
    code: 'RPC_ERROR',
    rpcCode: -32099,
    rpcErrorText: '{"code":-32099,"message":"no","data":{"why":"because"}}',
  });
});

test.for([
  ['a string', '"nope"'],
  ['without code', '{"x":1}'],
])('an error that is %s is an RPC_ERROR too', async ([, error]) => {
  const { upstream } = open([]);
  const text = `{"jsonrpc":"2.0","id":$ID,"error":${error}}\n`;
  await expect(ask(upstream, { do: 'raw', text })).rejects.toMatchObject({
    code: 'RPC_ERROR',
    rpcCode: undefined,
    message: expect.stringContaining('no reason given'),
  });
});

test('timeoutMs ends it and tells the server', async () => {
  const { upstream } = open([]);
  await upstream.connect(never);
  const options = { signal: never, timeoutMs: 50 };
  await expect(
    upstream.request('tools/list', members({ do: 'never' }), options),
  ).rejects.toMatchObject({ code: 'TIMEOUT', phase: 'list' });
  const lines = await received(upstream);
  expect(lines.join('\n')).toContain('notifications/cancelled');
});

test.for(['before', 'while it runs'])('signal cancels it: aborted %s', async (when) => {
  const { upstream } = open([]);
  await upstream.connect(never);
  const controller = new AbortController();
  if (when === 'before') controller.abort();
  const options = { signal: controller.signal, timeoutMs: 5000 };
  const pending = upstream.request('test', members({ do: 'never' }), options);
  controller.abort();
  await expect(pending).rejects.toMatchObject({ code: 'CANCELLED' });
});
