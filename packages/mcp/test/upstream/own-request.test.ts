import { expect, test } from 'vitest';
import { OwnRequest, toOwnRequest } from '../../src/upstream/own-request.ts';
import type { ForwardSink } from '../../src/upstream/upstream.ts';

const HANDLE = { cancel: () => undefined, pause: () => undefined, resume: () => undefined };

async function answeredBy(answer: (sink: ForwardSink) => void): Promise<string> {
  const { signal } = new AbortController();
  return new Promise((resolve, reject) => {
    const where = { connectorId: 'alpha', phase: 'list' } as const;
    const own = new OwnRequest(where, { signal, timeoutMs: 5_000 }, { resolve, reject });
    own.start((sink) => {
      answer(sink);
      return HANDLE;
    });
  });
}

test('OwnRequest resolves with the result, whatever notifications come before', async () => {
  const result = answeredBy((sink) => {
    sink.notification('{}');
    sink.result('{"a":1}', 'modern');
  });
  expect(await result).toBe('{"a":1}');
});

const UNREADABLE: readonly [string, (sink: ForwardSink) => void][] = [
  [
    'whole',
    (sink) => {
      sink.whole(Buffer.from('{}'));
    },
  ],
  [
    'open',
    (sink) => {
      sink.open();
    },
  ],
  [
    'end',
    (sink) => {
      sink.chunk(Buffer.from('{}'));
      sink.end();
    },
  ],
];

test.for(UNREADABLE)('OwnRequest fails on an answer it cannot read (%s)', async ([, answer]) => {
  await expect(answeredBy(answer)).rejects.toMatchObject({ code: 'BAD_RESPONSE', phase: 'list' });
});

test('OwnRequest keeps an error whose code is no number', async () => {
  const failed = answeredBy((sink) => {
    sink.error('{"code":"x"}', 'legacy');
  });
  await expect(failed).rejects.toMatchObject({ code: 'RPC_ERROR', rpcCode: undefined });
});

test('toOwnRequest() takes _meta apart and finds the name', () => {
  const params = [
    { key: 'name', text: '"n"' },
    { key: '_meta', text: '{"a":1.0}' },
  ];
  expect(toOwnRequest('prompts/get', params)).toMatchObject({
    members: [params[0]],
    meta: [{ key: 'a', text: '1.0' }],
    name: 'n',
  });
  expect(toOwnRequest('tools/list', []).name).toBeUndefined();
  expect(toOwnRequest('tools/call', [{ key: 'name', text: '5' }]).name).toBeUndefined();
});
