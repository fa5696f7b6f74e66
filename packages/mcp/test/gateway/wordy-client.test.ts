import { expect, test } from 'vitest';
import { startGateway } from '../e2e/gateway-fixture.ts';
import { send } from './raw-client.ts';

test('initialize refuses a client that says more of itself than a session may keep (S13)', async () => {
  await using gateway = await startGateway([]);
  const initialize = async (title: string, capabilities: object = {}): Promise<unknown> => {
    const params = {
      protocolVersion: '2025-11-25',
      capabilities,
      clientInfo: { name: 'wordy', version: '1', title },
    };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'initialize', params });
    return (await send(gateway.url(), { body })).json();
  };
  const refusal = {
    id: 7,
    error: {
      code: -32_602,
      message: expect.stringContaining('clientInfo and capabilities have more than 65536'),
    },
  };
  expect(await initialize('x'.repeat(65_000))).toMatchObject({ id: 7, result: {} });
  expect(await initialize('x'.repeat(66_000))).toMatchObject(refusal);
  const many = { experimental: { x: { y: 'y'.repeat(600) } } };
  expect(await initialize('x'.repeat(65_000), many)).toMatchObject(refusal);
});
