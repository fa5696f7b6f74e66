import { startConformanceServer, waitUntil, type ConformanceServer } from '@cortex-os/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ASKABLE, connectAskable, textOf, type Question } from './asking-clients.ts';
import { startAskingServer, type AskingServer } from './asking-server.ts';
import { connector, startGateway, type TestGateway } from './gateway-fixture.ts';

let asking: AskingServer;
let modern: ConformanceServer;
let gateway: TestGateway;

beforeAll(async () => {
  asking = await startAskingServer();
  modern = await startConformanceServer({ eras: 'modern' });
  gateway = await startGateway([
    connector('asking', { kind: 'http', url: asking.url, headers: {} }),
    connector('modern', { kind: 'http', url: modern.url, headers: {} }),
  ]);
  await gateway.service.manager.sync();
}, 30_000);

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await modern.close();
  await asking[Symbol.asyncDispose]();
});

const reply = ({ params }: Question) => ({
  action: 'accept',
  content: { reply: `to ${String(params['message'])}` },
});
const parsed = (answer: Parameters<typeof textOf>[0]): unknown => JSON.parse(textOf(answer));

const secret = (name: string) => ({
  elicitation: async ({ params }: Question) => {
    expect(params['message']).toBe(`for ${name}`);
    return { action: 'accept', content: { reply: name } };
  },
});

describe.each(ASKABLE)('client %s', (mode) => {
  test('a form of a legacy server is shown and its answer comes back (§4.9)', async () => {
    await using client = await connectAskable(gateway.url(), mode, { elicitation: reply });
    expect(parsed(await client.call('asking__form', { message: 'Name?' }))).toEqual({
      action: 'accept',
      content: { reply: 'to Name?' },
    });
    expect(client.asked).toHaveLength(1);
  });

  test('a form of a modern server is shown and its answer comes back (§4.9)', async () => {
    await using client = await connectAskable(gateway.url('modern'), mode, {
      elicitation: () => ({ action: 'accept', content: { name: 'Ann' } }),
    });
    const answer = await client.call('test_input_required_result_elicitation');
    expect(textOf(answer)).toBe('Hello, Ann!');
  });

  test('several questions, at once and one after the other', async () => {
    await using client = await connectAskable(gateway.url('asking'), mode, { elicitation: reply });
    const both = [
      reply({ method: '', params: { message: 'first' } }),
      reply({ method: '', params: { message: 'second' } }),
    ];
    expect(parsed(await client.call('two'))).toEqual(both);
    expect(parsed(await client.call('rounds'))).toEqual(both);
    await using other = await connectAskable(gateway.url('modern'), mode, {
      elicitation: ({ params }) => ({
        action: 'accept',
        content: String(params['message']).includes('color') ? { color: 'blue' } : { name: 'Bo' },
      }),
    });
    expect(textOf(await other.call('test_input_required_result_multi_round'))).toBe(
      'Bo likes blue',
    );
  });

  test('declining is an answer like any other', async () => {
    await using client = await connectAskable(gateway.url('asking'), mode, {
      elicitation: () => ({ action: 'decline' }),
    });
    expect(parsed(await client.call('form'))).toEqual({ action: 'decline' });
  });

  test('a URL is passed on when the client can show one', async () => {
    await using client = await connectAskable(gateway.url('asking'), mode, {
      elicitation: () => ({ action: 'accept' }),
    });
    expect(parsed(await client.call('url'))).toEqual({ action: 'accept' });
    expect(client.asked).toMatchObject([
      { params: { mode: 'url', url: 'https://example.com/key', message: 'Visit us' } },
    ]);
  });

  test('a client without the capability is not asked, and the server is told why', async () => {
    await using client = await connectAskable(gateway.url('asking'), mode, {});
    expect(parsed(await client.call('form'))).toMatchObject({
      code: -32_601,
      message: expect.stringContaining('elicitation.form') as unknown,
    });
    expect(parsed(await client.call('roots'))).toMatchObject({ code: -32_601 });
    expect(parsed(await client.call('tools'))).toMatchObject({ code: -32_601 });
  });

  test('two clients at once: each is asked its own question only (S4, isolation)', async () => {
    await using ann = await connectAskable(gateway.url('asking'), mode, secret('ann'));
    await using bob = await connectAskable(gateway.url('asking'), mode, secret('bob'));
    const calls = Array.from({ length: 10 }, async (_, index) => {
      const [client, name] = index % 2 === 0 ? ([ann, 'ann'] as const) : ([bob, 'bob'] as const);
      const answer = await client.call('form', { message: `for ${name}` });
      expect(parsed(answer)).toEqual({ action: 'accept', content: { reply: name } });
    });
    await Promise.all(calls);
    expect([ann.asked.length, bob.asked.length]).toEqual([5, 5]);
  });
});

const visiting = {
  elicitation: () => {
    asking.visited = true;
    return { action: 'accept' };
  },
};

test('-32042: a modern client visits the URL and tries again', async () => {
  asking.visited = false;
  await using client = await connectAskable(gateway.url('asking'), 'v2 modern', visiting);
  expect(textOf(await client.call('visit'))).toBe('welcome');
  expect(client.asked).toMatchObject([
    { params: { mode: 'url', url: 'https://example.com/in', message: 'Sign in' } },
  ]);
});

test.each(['v1 legacy', 'v2 legacy'] as const)(
  '-32042 reaches client %s as it is',
  async (mode) => {
    asking.visited = false;
    await using client = await connectAskable(gateway.url('asking'), mode, visiting);
    await expect(client.call('visit')).rejects.toMatchObject({
      code: -32_042,
      data: { elicitations: [{ elicitationId: 'e-2' }] },
    });
  },
);

test.each(['v1 legacy', 'v2 legacy'] as const)(
  'a call that %s cancels while it is asked is cancelled at the server',
  async (mode) => {
    const abort = new AbortController();
    const name = `cancelled by ${mode}`;
    await using client = await connectAskable(gateway.url('asking'), mode, {
      elicitation: async () => {
        abort.abort();
        return await new Promise(() => undefined);
      },
    });
    await expect(client.call('ask_and_wait', { name }, abort.signal)).rejects.toThrow(/abort/i);
    await waitUntil(() => asking.cancelled.includes(name), { describe: 'the server hears of it' });
  },
);

test('a URL elicitation of a modern server gets the id that legacy clients need', async () => {
  await using client = await connectAskable(gateway.url('asking'), 'v1 legacy', {
    elicitation: () => ({ action: 'accept' }),
  });
  await client.call('url');
  expect(client.asked[0]?.params['elicitationId']).toBe('e-1');
});
