import { expect, test } from 'vitest';
import { BatchReply, parseBatch } from '../../src/gateway/batch.ts';
import type { Reply } from '../../src/gateway/reply/reply.ts';

const nothing = (): void => undefined;
const unexpected = (): never => {
  throw new Error('not part of a batch');
};

/** A reply whose client takes what `takes` says. */
function clientOf(takes: () => ReturnType<Reply['notify']>) {
  const notified: string[] = [];
  const answered: string[] = [];
  let dropped = 0;
  let drain = nothing;
  const reply: Reply = {
    notify: (text) => {
      const taken = takes();
      if (taken !== 'dropped') notified.push(text);
      return taken;
    },
    answer: (_status, body) => void answered.push(body.toString()),
    answerParts: unexpected,
    open: unexpected,
    chunk: unexpected,
    end: unexpected,
    abort: unexpected,
    drop: () => {
      dropped += 1;
    },
    keepAlive: () => void notified.push('(alive)'),
    onDrain: (listener) => {
      drain = listener;
    },
    onGone: unexpected,
  };
  return { reply, notified, answered, drain: () => drain(), dropped: () => dropped };
}

test('BatchReply answers with one array when nothing came before the answers', () => {
  const client = clientOf(() => 'sent');
  const batch = new BatchReply(client.reply, 3);
  const [whole, parts, pieces] = [batch.part(), batch.part(), batch.part()];
  parts.answerParts([Buffer.from('"b'), Buffer.from('"')]);
  pieces.open();
  pieces.chunk(Buffer.from('"c'));
  pieces.chunk(Buffer.from('"'));
  pieces.end();
  expect(client.answered).toEqual([]);
  whole.answer(200, '"a"');
  expect([client.answered, client.notified]).toEqual([['["b","c","a"]'], []]);
});

test('BatchReply sends each answer by itself once a notification has begun a stream', () => {
  const client = clientOf(() => 'sent');
  const batch = new BatchReply(client.reply, 3);
  const [a, b, c] = [batch.part(), batch.part(), batch.part()];
  a.answer(200, '"a"');
  b.notify('"note"');
  b.answer(200, '"b"');
  c.keepAlive();
  c.answer(200, '"c"');
  expect([client.notified, client.answered]).toEqual([
    ['"note"', '"a"', '"b"', '(alive)'],
    ['"c"'],
  ]);
});

test('BatchReply keeps answers for a client that reads slowly until it has caught up', () => {
  let takes: ReturnType<Reply['notify']> = 'sent';
  const client = clientOf(() => takes);
  const batch = new BatchReply(client.reply, 2);
  let drained = 0;
  const [a, b] = [batch.part(), batch.part()];
  a.onDrain(() => {
    drained += 1;
  });
  a.notify('"note"');
  takes = 'dropped';
  a.answer(200, '"a"');
  b.answer(200, '"b"');
  expect([client.notified, client.answered]).toEqual([['"note"'], []]);
  takes = 'sent';
  client.drain();
  client.drain();
  expect([client.notified, client.answered, drained]).toEqual([['"note"', '"a"'], ['"b"'], 2]);
});

test('BatchReply ends without an answer when every call was cancelled', () => {
  const client = clientOf(() => 'sent');
  const batch = new BatchReply(client.reply, 2);
  batch.part().drop();
  batch.part().abort();
  expect([client.dropped(), client.answered]).toEqual([1, []]);
});

test('parseBatch() reads each message as strictly as one that comes alone (S13)', () => {
  const entries = parseBatch('[{"jsonrpc":"2.0","id":1,"method":"ping"},{"id":2,"method":"ping"}]');
  expect(entries).toMatchObject([
    { kind: 'message', message: { kind: 'request', id: 1 } },
    { kind: 'bad', answer: expect.stringContaining('"id":2') as unknown },
  ]);
});
