import { RegistryError } from '@cortex-os/mcp-registry';
import { expect, onTestFinished, test } from 'vitest';
import { createListener } from '../../src/http/listener.ts';
import { registryControlRoute } from '../../src/http/registry.ts';

const TOKEN = 't'.repeat(43);

/** The status and code that a caller gets when the registry fails so, and what the service was told. */
async function change(failure: unknown): Promise<[status: number, code: string, told: unknown[]]> {
  const told: unknown[] = [];
  const route = registryControlRoute({
    token: () => TOKEN,
    handle: { use: async () => await Promise.reject(failure) },
    onError: (error) => told.push(error),
  });
  const listener = createListener({
    routes: new Map([route]),
    onError: (error) => told.push(error),
  });
  onTestFinished(async () => await listener.close(0));
  const { port } = await listener.listen(0, '127.0.0.1');
  const { request } = await import('undici');
  const { statusCode, body } = await request(`http://127.0.0.1:${port}/v1/registry/changes`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: '{"put":[],"remove":[]}',
  });
  const { code } = (await body.json()) as { code: string };
  return [statusCode, code, told];
}

test.each([
  ['ENOSPC', 507],
  ['ELOCKED', 503],
  ['EIO', 503],
] as const)(
  'registryControlRoute() answers %s with %i, and the service is told',
  async (code, status) => {
    const failure = new RegistryError(code, 'no');
    expect(await change(failure)).toEqual([status, code, [failure]]);
  },
);

test('registryControlRoute() tells a caller nothing of a failure nobody foresaw', async () => {
  const failure = new Error('detail');
  expect(await change(failure)).toEqual([500, 'EINTERNAL', [failure]]);
  expect(await change('thrown text')).toEqual([500, 'EINTERNAL', ['thrown text']]);
});
