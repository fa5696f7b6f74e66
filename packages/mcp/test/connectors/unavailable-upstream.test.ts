import { expect, test } from 'vitest';
import { createUnavailableUpstream } from '../../src/connectors/entry/unavailable-upstream.ts';
import { UpstreamError } from '../../src/upstream/upstream-error.ts';
import { toolCall } from '../upstream/http-fixture.ts';
import { recorder } from '../upstream/recorder.ts';

test('a connection that cannot be had fails whatever is asked of it', async () => {
  const error = new UpstreamError('CLOSED', 'gone', { connectorId: 'one', phase: 'ready' });
  const upstream = createUnavailableUpstream(error);
  const options = { signal: AbortSignal.timeout(1_000), timeoutMs: 1_000 };
  await expect(upstream.request('ping', [], options)).rejects.toBe(error);
  await expect(upstream.setInterest({ resources: new Set(), logLevel: undefined })).rejects.toBe(
    error,
  );
  const handle = upstream.forward(toolCall('legacy'), recorder());
  handle.pause();
  handle.resume();
  await upstream.close();
  expect([upstream.connectorId, upstream.info, upstream.phase]).toEqual([
    'one',
    undefined,
    'ready',
  ]);
});
