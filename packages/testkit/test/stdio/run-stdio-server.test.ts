import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import {
  ODD_META_JSON,
  ODD_STRUCTURED_JSON,
  startUpstream,
  waitUntil,
  type StdioFault,
  type StdioUpstreamOptions,
} from '../../src/index.ts';
import { runStdioServer } from '../../src/stdio/run-stdio-server.ts';
import { MODERN_META } from '../raw-request.ts';
import { INITIALIZE, echo } from './raw-child.ts';

interface InProcess extends AsyncDisposable {
  readonly upstream: Awaited<ReturnType<typeof startStdio>>;
  readonly stdin: PassThrough;
  readonly output: string;
  /** What the server asked of its process. */
  readonly asked: readonly string[];
  send(message: Record<string, unknown>): void;
  until(text: string): Promise<void>;
}

async function startStdio(options: StdioUpstreamOptions) {
  return startUpstream(options);
}

/** Runs a server inside the test's own process, where its coverage counts and its bytes can be seen. */
async function run(options: Partial<StdioUpstreamOptions> = {}): Promise<InProcess> {
  const upstream = await startStdio({ kind: 'legacy-stdio', ...options });
  const [stdin, stdout] = [new PassThrough(), new PassThrough()];
  const asked: string[] = [];
  let output = '';
  stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const server = await runStdioServer(upstream.command.args.at(-1) ?? '', {
    pid: 0,
    stdin,
    stdout,
    readEnv: (name) => (name === 'HOME' ? '/home/test' : undefined),
    closeStdout: () => asked.push('closeStdout'),
    crash: ({ at }) => asked.push(`crash ${at}`),
    ignoreSigterm: () => asked.push('ignoreSigterm'),
    stayAlive: () => asked.push('stayAlive'),
    startChild: () => undefined,
  });
  return {
    upstream,
    stdin,
    asked,
    get output() {
      return output;
    },
    send: (message) => void stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`),
    until: async (text) => waitUntil(() => output.includes(text), { describe: `output ${text}` }),
    async [Symbol.asyncDispose]() {
      await server?.close();
      await upstream.close();
    },
  };
}

async function echoWith(fault: StdioFault): Promise<InProcess> {
  const server = await run({ faults: [{ ...fault, method: 'tools/call' }] });
  server.send(INITIALIZE);
  await server.until('serverInfo');
  server.send(echo(1));
  return server;
}

const answerLine = ({ output }: InProcess): string => output.trim().split('\n').at(-1) ?? '';
const PLAIN = '{"result":{"content":[{"type":"text","text":"hello"}]},"jsonrpc":"2.0","id":1}';

describe('faults over stdio', () => {
  test('none: the real server answers', async () => {
    await using server = await run();
    server.send(INITIALIZE);
    server.send(echo(1));
    await server.until('hello');
    expect(answerLine(server)).toBe(PLAIN);
    expect(server.upstream.counts.byMethod).toEqual({ initialize: 1, 'tools/call': 1 });
  });

  test('hang-before-headers answers everything else', async () => {
    await using server = await echoWith({ kind: 'hang-before-headers', times: 1 });
    server.send(echo(2, 'second'));
    await server.until('second');
    expect(server.output).not.toContain('hello');
  });

  test('hang-mid-body writes the first bytes and then nothing at all', async () => {
    await using server = await echoWith({ kind: 'hang-mid-body', afterBytes: 9 });
    await server.until('\n{"result"');
    server.send(echo(2, 'second'));
    await waitUntil(() => server.upstream.counts.requests === 3, { describe: 'three requests' });
    expect(answerLine(server)).toBe('{"result"');
  });

  test('reset mid-body closes stdout after the first bytes', async () => {
    await using server = await echoWith({ kind: 'reset', at: 'mid-body' });
    await waitUntil(() => server.asked.length === 1, { describe: 'stdout is closed' });
    expect(server.asked).toEqual(['closeStdout']);
    expect(answerLine(server)).toBe(PLAIN.slice(0, 10));
  });

  test('reset closes stdout before the answer', async () => {
    await using server = await echoWith({ kind: 'reset' });
    await waitUntil(() => server.asked.length === 1, { describe: 'stdout is closed' });
    expect(server.output).not.toContain('hello');
  });

  test('oversize writes one long line of JSON', async () => {
    await using server = await echoWith({ kind: 'oversize', bytes: 300_000 });
    await server.until('}}\n');
    await waitUntil(() => server.output.length > 300_000, { describe: 'the whole line' });
    expect(JSON.parse(answerLine(server))).toMatchObject({ id: 1 });
    expect(answerLine(server)).toContain(`"${'x'.repeat(300_000)}"`);
  });

  test('slow-bytes writes the whole answer, and later answers wait for it', async () => {
    await using server = await echoWith({ kind: 'slow-bytes', bytesPerSecond: 1000, times: 1 });
    const start = performance.now();
    server.send(echo(2, 'second'));
    await server.until('second');
    expect(performance.now() - start).toBeGreaterThan(50);
    expect(server.output.trim().split('\n')[1]).toBe(PLAIN);
  });

  test.each([
    ['invalid-json', PLAIN.slice(0, -2)],
    ['bom', `\uFEFF${PLAIN}`],
    ['batch', `[${PLAIN}]`],
    ['duplicate-keys', `${PLAIN.slice(0, -1)},"id":"other","result":{"content":[]}}`],
  ] as const)('odd-content %s bends the answer', async (form, expected) => {
    await using server = await echoWith({ kind: 'odd-content', form });
    await server.until(`${expected}\n`);
    expect(server.output.split('\n').at(-2)).toBe(expected);
  });

  test('odd-content noise comes before the answer', async () => {
    await using server = await echoWith({ kind: 'odd-content', form: 'noise' });
    await server.until('hello');
    const [, noise, blank, info, answer] = server.output.split('\n');
    expect([noise?.startsWith('noise '), blank, info, answer]).toEqual([
      true,
      '',
      '[info] {}',
      PLAIN,
    ]);
  });

  test('odd-content endless-line has no newline and no end', async () => {
    await using server = await echoWith({ kind: 'odd-content', form: 'endless-line', bytes: 5000 });
    await server.until('x'.repeat(5000));
    expect(server.output.endsWith('x')).toBe(true);
  });

  test('crash is asked of the process, at start without serving', async () => {
    await using atCall = await echoWith({ kind: 'crash', at: 'call' });
    await waitUntil(() => atCall.asked.length === 1, { describe: 'the crash' });
    await using atStart = await run({ faults: [{ kind: 'crash', at: 'start' }] });
    expect([...atCall.asked, ...atStart.asked]).toEqual(['crash call', 'crash start']);
  });

  test('never-handshake asks the process to stay', async () => {
    await using server = await run({
      faults: [{ kind: 'never-handshake', ignoreSigterm: true, ignoreStdinClose: true }],
    });
    expect(server.asked).toEqual(['ignoreSigterm', 'stayAlive']);
    server.send(INITIALIZE);
    server.send({ id: 1, method: 'ping' });
    await server.until('"id":1');
    expect(server.output).not.toContain('serverInfo');
  });

  test('setFaults() reaches a running server with the next message', async () => {
    await using server = await run({ faults: [{ kind: 'never-handshake' }] });
    server.upstream.setFaults([{ kind: 'hang-before-headers', method: 'ping' }]);
    server.send({ id: 1, method: 'ping' });
    server.send(INITIALIZE);
    await server.until('serverInfo');
    expect(server.output).not.toContain('"id":1');
  });
});

describe('a stdio server', () => {
  test('keeps odd results byte for byte', async () => {
    await using server = await run();
    server.send(INITIALIZE);
    server.send({ id: 1, method: 'tools/call', params: { name: 'odd' } });
    await server.until('x-vendor/result');
    expect(server.output).toContain(`"structuredContent":${ODD_STRUCTURED_JSON}`);
    expect(server.output).toContain(`"_meta":${ODD_META_JSON}`);
  });

  test('latencyMs delays every answer', async () => {
    await using server = await run({ latencyMs: 40 });
    const start = performance.now();
    server.send(INITIALIZE);
    await server.until('serverInfo');
    expect(performance.now() - start).toBeGreaterThanOrEqual(39);
    server.send({ id: 1, method: 'ping' });
  });

  test('passes lines that are not JSON to the real server', async () => {
    await using server = await run();
    server.stdin.write('not json\n');
    server.send(INITIALIZE);
    await server.until('serverInfo');
    expect(server.upstream.counts.requests).toBe(2);
  });

  test('slow is aborted by notifications/cancelled', async () => {
    await using server = await run();
    server.send(INITIALIZE);
    const args = { ms: 600_000, steps: 1 };
    server.send({ id: 1, method: 'tools/call', params: { name: 'slow', arguments: args } });
    server.send({ method: 'notifications/cancelled', params: { requestId: 1 } });
    await waitUntil(() => server.upstream.counts.aborted === 1, { describe: 'the abort' });
    expect(server.output).not.toContain('slept');
  });

  test('setTools() tells a legacy client', async () => {
    await using server = await run({ toolCount: 1 });
    server.send(INITIALIZE);
    await server.until('serverInfo');
    server.upstream.setTools(['alpha']);
    await server.until('notifications/tools/list_changed');
    server.send({ id: 1, method: 'tools/list' });
    await server.until('"alpha"');
    expect(server.output).not.toContain('"tool_0"');
  });

  test('setTools() tells a modern listener', async () => {
    await using server = await run({ kind: 'modern-stdio' });
    server.send({
      id: 'L',
      method: 'subscriptions/listen',
      params: { notifications: { toolsListChanged: true }, _meta: MODERN_META },
    });
    await server.until('acknowledged');
    server.upstream.setTools(['alpha']);
    await server.until('tools/list_changed');
    server.send({ id: 2, method: 'tools/list', params: { _meta: MODERN_META } });
    await server.until('"alpha"');
    const answer: unknown = JSON.parse(answerLine(server));
    expect(answer).toMatchObject({ result: { ttlMs: 0, resultType: 'complete' } });
  });
});
