import { expect, test } from 'vitest';
import { DEFAULT_TIMEOUTS } from '../../src/connectors/connector.ts';
import type { Interest } from '../../src/upstream/upstream.ts';
import { ask, members, never, open, parsed, received, type Rig } from './fixtures-stdio/rig.ts';

const want = (uris: readonly string[], logLevel?: string): Interest => ({
  resources: new Set(uris),
  logLevel,
});
const updated = (uri: string): string =>
  JSON.stringify({ jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri } });

/** What was asked beside calls: methods with their URI, level or filter. */
async function asked({ upstream }: Rig): Promise<unknown[]> {
  const lines = (await received(upstream)).map(parsed);
  return lines.flatMap(({ method, params }) => {
    const { uri, level, notifications, requestId } = Object(params);
    const what = uri ?? level ?? notifications ?? requestId;
    return what === undefined ? [] : [[method, what]];
  });
}

async function tell({ upstream }: Rig, line: string): Promise<void> {
  const text = `${line}\n{"jsonrpc":"2.0","id":$ID,"result":{}}\n`;
  await upstream.request('test', members({ do: 'raw', text }), {
    signal: never,
    timeoutMs: 10_000,
  });
}

const resources = (...uris: string[]): object => ({
  toolsListChanged: true,
  resourceSubscriptions: uris,
});

test('setInterest() starts a legacy process and sends what changes; refusals are RPC_ERROR', async () => {
  const rig = open(['--resources']);
  await rig.upstream.setInterest(want(['a://1'], 'info'));
  await expect(rig.upstream.setInterest(want(['a://1', 'a://bad'], 'info'))).rejects.toMatchObject({
    code: 'RPC_ERROR',
    rpcErrorText: '{"code":-32602,"message":"no such resource"}',
  });
  await rig.upstream.setInterest(want([], 'debug'));
  expect(await asked(rig)).toEqual([
    ['logging/setLevel', 'info'],
    ['resources/subscribe', 'a://1'],
    ['resources/subscribe', 'a://bad'],
    ['resources/unsubscribe', 'a://1'],
    ['logging/setLevel', 'debug'],
  ]);
  await tell(rig, updated('a://1'));
  expect(rig.notifications).toEqual([['notifications/resources/updated', updated('a://1')]]);
});

test('a process that is started again is told all of it again', async () => {
  const rig = open(['--resources']);
  await rig.upstream.setInterest(want(['a://1'], 'info'));
  await expect(ask(rig.upstream, { do: 'exit', code: 1 })).rejects.toMatchObject({
    code: 'PROCESS_EXITED',
  });
  await rig.upstream.connect(never);
  await expect
    .poll(() => rig.notifications)
    .toEqual([['notifications/resources/updated', updated('a://1')]]);
  expect(await asked(rig)).toEqual([
    ['logging/setLevel', 'info'],
    ['resources/subscribe', 'a://1'],
  ]);
});

test('a modern process is listened to with another filter before the old one is let go', async () => {
  const rig = open(['--era=modern']);
  await rig.upstream.connect(never);
  await rig.upstream.setInterest(want(['a://1']));
  await expect(rig.upstream.setInterest(want(['a://1', 'a://bad']))).rejects.toMatchObject({
    code: 'RPC_ERROR',
  });
  const lines = (await received(rig.upstream)).map(parsed);
  const idOf = (at: number): unknown =>
    lines.filter(({ method }) => method === 'subscriptions/listen')[at]?.['id'];
  expect(await asked(rig)).toEqual([
    ['subscriptions/listen', { toolsListChanged: true }],
    ['subscriptions/listen', resources('a://1')],
    ['notifications/cancelled', idOf(0)],
    ['subscriptions/listen', resources('a://1', 'a://bad')],
    ['notifications/cancelled', idOf(1)],
  ]);
  await tell(rig, updated('a://1'));
  expect(rig.notifications).toEqual([['notifications/resources/updated', updated('a://1')]]);
});

test.for([
  ['refuse', { code: 'RPC_ERROR', rpcErrorText: expect.stringContaining('no subscriptions') }],
  ['end', { code: 'RPC_ERROR', rpcErrorText: expect.stringContaining('-32601') }],
  ['ignore', { code: 'TIMEOUT' }],
] as const)('a modern process that says %s to a subscription fails it', async ([how, error]) => {
  const timeouts = { ...DEFAULT_TIMEOUTS, listTimeoutMs: 300 };
  const rig = open(['--era=modern', `--listen=${how}`], {}, { timeouts });
  await rig.upstream.connect(never);
  await expect(rig.upstream.setInterest(want(['a://1']))).rejects.toMatchObject(error);
  expect(await ask(rig.upstream, { do: 'echo' })).toMatchObject({ do: 'echo' });
});

test('a process that ends while it is asked fails the subscription', async () => {
  const rig = open(['--era=modern', '--listen=ignore']);
  await rig.upstream.connect(never);
  const setting = rig.upstream.setInterest(want(['a://1']));
  const ended = ask(rig.upstream, { do: 'exit', code: 1 });
  await expect(setting).rejects.toMatchObject({ code: 'PROCESS_EXITED' });
  await expect(ended).rejects.toMatchObject({ code: 'PROCESS_EXITED' });
});
