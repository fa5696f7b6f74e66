import { startUpstream, waitUntil, type HttpUpstream } from '@cortex-os/testkit';
import { describe, expect, test } from 'vitest';
import { SIGNAL, definitionFor, open } from './http-fixture.ts';
import { QUICK, listAwhile, listTools } from './notification-stream-fixture.ts';

const STREAMING = ['modern-http', 'dual-http', 'legacy-http-session'] as const;

/** Requests for a notification stream, in either era. */
function asked({ counts }: HttpUpstream): number {
  const { GET = 0, 'subscriptions/listen': listens = 0 } = counts.byMethod;
  return GET + listens;
}

describe.for(STREAMING)('official server, %s', (kind) => {
  test('list_changed arrives on the one stream that follows the lists', async () => {
    await using server = await startUpstream({ kind });
    await using opened = open(definitionFor(server.url), { streamPolicy: QUICK });
    await opened.upstream.connect(SIGNAL);
    expect(asked(server)).toBe(0);
    await Promise.all([listTools(opened), listTools(opened)]);
    await waitUntil(() => opened.upstream.isListening, { describe: 'the stream is open' });
    server.setTools(['added']);
    await expect
      .poll(() => opened.notifications.map(({ method }) => method))
      .toEqual(['notifications/tools/list_changed']);
    expect(asked(server)).toBe(1);
    expect(
      server.counts.byMethod[kind === 'legacy-http-session' ? 'GET' : 'subscriptions/listen'],
    ).toBe(1);
    expect(opened.upstream.ignoredMessages).toBe(0);
  });
});

test.for(['modern-http', 'dual-http'] as const)(
  'a restart of %s ends the stream; when it is back, every list is supposed to have changed',
  async (kind) => {
    await using server = await startUpstream({ kind });
    await using opened = open(definitionFor(server.url), { streamPolicy: QUICK });
    await listTools(opened);
    await waitUntil(() => opened.upstream.isListening, { describe: 'the stream is open' });
    await server.restart();
    await expect
      .poll(() => opened.notifications.map(({ method }) => method))
      .toEqual(
        ['tools', 'prompts', 'resources'].map((list) => `notifications/${list}/list_changed`),
      );
    expect(opened.upstream.isListening).toBe(true);
    server.setTools(['added']);
    await expect.poll(() => opened.notifications.length).toBe(4);
  },
);

test('a restart of legacy-http-session is found out by the stream; the next list brings another', async () => {
  await using server = await startUpstream({ kind: 'legacy-http-session' });
  await using opened = open(definitionFor(server.url), { streamPolicy: QUICK });
  await listTools(opened);
  await waitUntil(() => opened.upstream.isListening, { describe: 'the stream is open' });
  await server.restart();
  await waitUntil(() => opened.losses.length === 1, { describe: 'the loss is reported' });
  await listTools(opened);
  await waitUntil(() => opened.upstream.isListening, { describe: 'the stream is open again' });
  server.setTools(['added']);
  await expect.poll(() => opened.notifications.length).toBe(1);
  expect(server.counts.sessions).toBe(2);
});

test('legacy-http-stateless declines the stream once and is left in peace', async () => {
  await using server = await startUpstream({ kind: 'legacy-http-stateless' });
  await using opened = open(definitionFor(server.url), { streamPolicy: QUICK });
  await listTools(opened);
  await waitUntil(() => asked(server) === 1, { describe: 'the stream was asked for' });
  await listAwhile(opened);
  expect(server.counts.byMethod['GET']).toBe(1);
  expect(opened.upstream.isListening).toBe(false);
  expect(opened.losses).toEqual([]);
});
