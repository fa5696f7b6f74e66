import {
  CONFORMANCE_STDIO,
  startConformanceServer,
  type ConformanceServer,
} from '@cortex-os/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ASKABLE, MODEL_ANSWER, connectAskable, textOf } from './asking-clients.ts';
import { connector, startGateway, type TestGateway } from './gateway-fixture.ts';

const UPSTREAMS = ['legacy-http', 'modern-http', 'legacy-stdio', 'modern-stdio'] as const;

let servers: readonly ConformanceServer[];
let gateway: TestGateway;

beforeAll(async () => {
  servers = [
    await startConformanceServer({ eras: 'legacy' }),
    await startConformanceServer({ eras: 'modern' }),
  ];
  const stdio = { kind: 'stdio', ...CONFORMANCE_STDIO, env: {}, cwd: undefined } as const;
  const http = (index: number) =>
    ({ kind: 'http', url: servers[index]?.url ?? '', headers: {} }) as const;
  gateway = await startGateway([
    connector('legacy-http', http(0)),
    connector('modern-http', http(1)),
    connector('legacy-stdio', stdio, { era: 'legacy' }),
    connector('modern-stdio', stdio, { era: 'modern' }),
  ]);
  await gateway.service.manager.sync();
}, 30_000);

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  for (const server of servers) await server.close();
});

describe.each(ASKABLE)('client %s', (mode) => {
  test.each(UPSTREAMS)(
    'a tool of %s asks the client’s model (mcp-protocol.md §4.9)',
    async (id) => {
      await using client = await connectAskable(gateway.url(), mode, {
        sampling: () => MODEL_ANSWER,
      });
      const answer = await client.call(`${id}__test_sampling`, { prompt: 'two and two?' });
      expect(textOf(answer)).toBe('LLM response: {"type":"text","text":"four"}');
      expect(client.asked).toMatchObject([
        {
          method: 'sampling/createMessage',
          params: { messages: [{ content: { text: 'two and two?' } }], maxTokens: 100 },
        },
      ]);
    },
  );
});

const countOf = (text: string, outcome: string): number =>
  Number(new RegExp(`questions_total\\{outcome="${outcome}"\\} (\\d+)`).exec(text)?.[1]);

test('a question that could be meant for either of two clients is counted, and reaches neither', async () => {
  const release = Promise.withResolvers<void>();
  const scrape = async (): Promise<string> =>
    await (await fetch(`${gateway.origin}/metrics`)).text();
  const before = await scrape();
  const words = [...before.matchAll(/questions_total\{outcome="([a-z]+)"\}/g)];
  expect(
    words.map(([, outcome]) => String(outcome)).toSorted((a, b) => a.localeCompare(b)),
  ).toEqual(['asked', 'excess', 'malformed', 'refused', 'unattributed', 'unsupported']);
  await using busy = await connectAskable(gateway.url(), 'v1 legacy', {
    sampling: async () => {
      await release.promise;
      return MODEL_ANSWER;
    },
  });
  await using other = await connectAskable(gateway.url(), 'v1 legacy', {
    sampling: () => MODEL_ANSWER,
  });
  const waiting = busy.call('legacy-stdio__test_sampling', { prompt: 'mine?' });
  await expect.poll(() => busy.asked.length).toBe(1);
  const refused = await other.call('legacy-stdio__test_sampling', { prompt: 'whose?' });
  expect(JSON.stringify(refused)).toContain('cannot be told which client');
  release.resolve();
  expect(textOf(await waiting)).toContain('four');
  expect([busy.asked.length, other.asked.length]).toEqual([1, 0]);
  expect(countOf(await scrape(), 'unattributed') - countOf(before, 'unattributed')).toBe(1);
});

test('mcp_gateway_questions_total counts what was asked and what was refused', async () => {
  const scrape = async (): Promise<string> =>
    await (await fetch(`${gateway.origin}/metrics`)).text();
  const before = await scrape();
  await using asked = await connectAskable(gateway.url(), 'v1 legacy', {
    sampling: () => MODEL_ANSWER,
  });
  await using silent = await connectAskable(gateway.url(), 'v1 legacy', {});
  await asked.call('legacy-http__test_sampling', { prompt: '?' });
  await silent.call('legacy-http__test_sampling', { prompt: '?' });
  const after = await scrape();
  for (const outcome of ['asked', 'refused']) {
    expect(countOf(after, outcome) - countOf(before, outcome)).toBe(1);
  }
});
