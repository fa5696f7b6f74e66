import { PassThrough } from 'node:stream';
import { leastMs, waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { serveStdio, type StdioEnd } from '../../src/gateway/bridge/stdio.ts';
import { createPipedTarget } from './piped-target.ts';
import { modern } from '../e2e/stdio-fixture.ts';

interface Rig extends AsyncDisposable {
  readonly input: PassThrough;
  readonly lines: string[];
  readonly stop: AbortController;
  readonly ended: Promise<StdioEnd>;
  unread: number;
}

/** Serves one client; the service answers every request with an empty result, or never. */
function serve(answers = true): Rig {
  const target = createPipedTarget((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (!answers) return;
      const { id } = JSON.parse(Buffer.concat(chunks).toString()) as { id: unknown };
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},\n"result":{}}`);
    });
  });
  const input = new PassThrough();
  const lines: string[] = [];
  const stop = new AbortController();
  const rig: Rig = {
    input,
    lines,
    stop,
    unread: 0,
    ended: serveStdio({
      input,
      output: {
        write: (text: string) => void lines.push(text),
        get unread() {
          return rig.unread;
        },
      },
      locate: async () => await Promise.resolve(target),
      signal: stop.signal,
      random: () => 0,
    }),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await rig.ended;
      await target.close();
    },
  };
  return rig;
}

const text = (id: number): string => JSON.stringify(modern(id, 'tools/list'));

test('every line is a message, however the bytes are cut; answers are lines', async () => {
  await using rig = serve();
  const bytes = Buffer.from(`\uFEFF${text(1)}\r\n\n  \n${text(2).replace('raw', 'grüße')}\n`);
  for (const byte of bytes) rig.input.write(Buffer.from([byte]));
  await waitUntil(() => rig.lines.length === 2, { describe: 'both are answered' });
  for (const line of rig.lines) expect(line).toMatch(/^\{[^\n]*\}\n$/);
});

test('the end of the input ends it, after the answers; a last line may lack its newline', async () => {
  await using rig = serve();
  rig.input.end(text(1));
  expect(await rig.ended).toBe('closed');
  expect(rig.lines).toHaveLength(1);
});

async function timeToEndUnanswered(): Promise<number> {
  await using rig = serve(false);
  rig.input.end(`${text(1)}\n`);
  const startedAtMs = performance.now();
  expect(await rig.ended).toBe('closed');
  expect(rig.lines).toEqual([]);
  return performance.now() - startedAtMs;
}

test('the end of the input does not wait for ever', async () => {
  expect(await leastMs(timeToEndUnanswered, { belowMs: 1_900 })).toBeLessThan(1_900);
});

test('an input that breaks is as good as closed', async () => {
  await using rig = serve();
  rig.input.destroy(new Error('EIO'));
  expect(await rig.ended).toBe('closed');
});

test('the signal ends it at once, before and after it has begun', async () => {
  await using rig = serve(false);
  rig.input.write(`${text(1)}\n`);
  rig.stop.abort();
  expect(await rig.ended).toBe('signal');
  const input = new PassThrough();
  const ended = serveStdio({
    input,
    output: { write: () => undefined },
    locate: async () => await Promise.reject(new Error('not asked')),
    signal: AbortSignal.abort(),
    random: () => 0,
  });
  expect(await ended).toBe('signal');
});

test('a client that reads nothing is given up', async () => {
  await using rig = serve();
  rig.unread = 65 * 1_048_576;
  rig.input.write(`${text(1)}\n`);
  expect(await rig.ended).toBe('unread');
});

test('a line beyond 4 MiB is refused, skipped, and forgotten', async () => {
  await using rig = serve();
  const piece = 'x'.repeat(1_048_576);
  for (let i = 0; i < 6; i += 1) rig.input.write(piece);
  rig.input.write(`\n${text(1)}\n`);
  await waitUntil(() => rig.lines.length === 2, { describe: 'the refusal and the answer' });
  expect(rig.lines.some((line) => line.includes('-32600'))).toBe(true);
});
