import { expect, test } from 'vitest';
import { ask, never, open } from './fixtures-stdio/rig.ts';

test('a server that keeps dying is refused with retryAfterMs, and names the cause', async () => {
  const { upstream } = open(['--die-at-start'], {
    random: () => 1,
    restart: { baseMs: 20_000, capMs: 30_000, resetAfterMs: 60_000 },
  });
  await expect(upstream.connect(never)).rejects.toMatchObject({ retryAfterMs: undefined });
  await expect(upstream.connect(never)).rejects.toMatchObject({
    code: 'PROCESS_EXITED',
    unsent: true,
    retryAfterMs: expect.toSatisfy((ms: number) => ms > 15_000 && ms <= 20_000),
    message: expect.stringMatching(/missing API_KEY; the next start is due in \d+ ms$/),
  });
});

test('a start that is due soon is waited for', async () => {
  const { upstream } = open([], {
    random: () => 1,
    restart: { baseMs: 200, capMs: 30_000, resetAfterMs: 60_000 },
  });
  await expect(ask(upstream, { do: 'exit', code: 0 })).rejects.toThrow('exited with code 0');
  const started = performance.now();
  await upstream.connect(never);
  expect(performance.now() - started).toBeGreaterThan(150);
});

test('close() ends the wait', async () => {
  const { upstream } = open([], {
    random: () => 1,
    restart: { baseMs: 900, capMs: 900, resetAfterMs: 60_000 },
  });
  await expect(ask(upstream, { do: 'exit', code: 0 })).rejects.toThrow('exited with code 0');
  const connecting = upstream.connect(never);
  await Promise.all([
    expect(connecting).rejects.toMatchObject({ code: 'CLOSED' }),
    upstream.close(),
  ]);
});

test('limitStart runs one start at a time, and a hung server gives its place up', async () => {
  const order: string[] = [];
  let queue = Promise.resolve();
  const limitStart = async <T>(start: () => Promise<T>): Promise<T> => {
    const before = queue;
    const { promise, resolve } = Promise.withResolvers<void>();
    queue = promise;
    await before;
    try {
      return await start();
    } finally {
      order.push('freed');
      resolve();
    }
  };
  const hung = open(['--hang'], { limitStart });
  const fine = open([], { limitStart });
  const connecting = hung.upstream.connect(never).catch((error: unknown) => error);
  await fine.upstream.connect(never);
  order.push('connected');
  expect(order).toEqual(['freed', 'freed', 'connected']);
  await hung.upstream.close();
  expect(await connecting).toMatchObject({ code: 'CLOSED' });
});
