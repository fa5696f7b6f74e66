import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { startGreedyTcp, waitUntil } from '../src/index.ts';
import { rawRequest } from './raw-request.ts';

test('startGreedyTcp() accepts, reads and never answers, not even an end', async () => {
  await using greedy = await startGreedyTcp();
  expect(greedy.url).toBe(`http://127.0.0.1:${greedy.port}/mcp`);
  const answer = rawRequest(greedy.url, { id: 1, method: 'tools/list' });
  const socket = connect(greedy.port, '127.0.0.1');
  socket.end('hello');
  await waitUntil(() => greedy.counts.accepted === 2 && greedy.counts.bytes > 5, {
    describe: 'both were read',
  });
  expect(greedy.counts.open).toBe(2);
  expect(socket.readableEnded).toBe(false);
  // Data the server has not read yet makes its close a reset.
  socket.on('error', () => undefined);
  const closed = new Promise((resolve) => {
    socket.resume().once('close', resolve);
  });
  await greedy.close();
  await closed;
  expect((await answer).error).toBe('ECONNRESET');
  expect(greedy.counts.open).toBe(0);
});

test('startGreedyTcp() survives a reset', async () => {
  await using greedy = await startGreedyTcp();
  const socket = connect(greedy.port, '127.0.0.1');
  await waitUntil(() => greedy.counts.open === 1, { describe: 'the connection' });
  socket.resetAndDestroy();
  await waitUntil(() => greedy.counts.open === 0, { describe: 'the reset' });
  expect(greedy.counts.accepted).toBe(1);
});
