import { expect, test } from 'vitest';
import { DEFAULT_TIMEOUTS } from '../../src/connectors/connector.ts';
import { SIGNAL } from './http-fixture.ts';
import { openSse, sseDefinition } from './legacy-sse-fixture.ts';
import { INITIALIZED, startRaw, type RawSse } from './legacy-sse-raw.ts';

const SHORT = { timeouts: { ...DEFAULT_TIMEOUTS, handshakeTimeoutMs: 1_500 } };

/** Answers `initialize`, and leaves the first `notifications/initialized` without an answer. */
function holdInitialized(raw: RawSse, held: () => void): void {
  let isHeld = false;
  raw.onMessage = (message, response) => {
    if (message['method'] === 'notifications/initialized' && !isHeld) {
      isHeld = true;
      held();
      return;
    }
    response.writeHead(202).end();
    if (message['method'] === 'initialize') {
      raw.say({ jsonrpc: '2.0', id: message['id'], result: INITIALIZED });
    }
  };
}

test('a server that never accepts notifications/initialized fails in time, and is tried again', async () => {
  await using raw = await startRaw();
  holdInitialized(raw, () => undefined);
  await using opened = openSse(sseDefinition(raw.url, SHORT));
  await expect(opened.upstream.connect(SIGNAL)).rejects.toMatchObject({
    code: 'TIMEOUT',
    phase: 'handshake',
  });
  expect(await opened.upstream.connect(SIGNAL)).toMatchObject({ protocolVersion: '2024-11-05' });
});

test('a stream that ends before notifications/initialized is accepted fails at once, and is opened again', async () => {
  await using raw = await startRaw();
  holdInitialized(raw, () => raw.end());
  await using opened = openSse(sseDefinition(raw.url));
  await expect(opened.upstream.connect(SIGNAL)).rejects.toMatchObject({
    code: 'STREAM_CUT',
    phase: 'handshake',
  });
  expect(await opened.upstream.connect(SIGNAL)).toMatchObject({ protocolVersion: '2024-11-05' });
});

test('close() ends a handshake whose notifications/initialized is not accepted', async () => {
  await using raw = await startRaw();
  const { promise: held, resolve } = Promise.withResolvers<void>();
  holdInitialized(raw, resolve);
  await using opened = openSse(sseDefinition(raw.url));
  const connected = opened.upstream.connect(SIGNAL).catch((error: unknown) => error);
  await held;
  await opened.upstream.close();
  expect(await connected).toMatchObject({ code: 'CLOSED' });
});
