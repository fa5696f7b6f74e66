import { afterEach, expect, test, vi } from 'vitest';
import { containerScan } from '../../src/protocol/container-scan.ts';
import { readBodyMessage } from '../../src/protocol/read-body-message.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

test('readBodyMessage() reads large bodies where there is no WebAssembly, as with --jitless', () => {
  vi.stubGlobal('WebAssembly', undefined);
  const params = { list: Array.from({ length: 9_000 }, (_, index) => [index]) };
  const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'm', params }));
  expect(containerScan(body)).toBeUndefined();
  const message = readBodyMessage(body);
  if (message.kind !== 'request') throw new Error('it is a request');
  expect(message.params.value).toEqual(params);
});
