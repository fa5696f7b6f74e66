import { array, assert, boolean, nat, property, record } from 'fast-check';
import { expect, test } from 'vitest';
import { DueHeap, type DueItem } from '../../src/connectors/refresh/refresh-scheduler-heap.ts';

test('DueHeap gives items back in order of due time, whatever was moved or removed', () => {
  const operations = array(
    record({
      index: nat(30),
      dueAtMs: nat(1_000),
      remove: boolean(),
    }),
    { maxLength: 200 },
  );
  assert(
    property(operations, (steps) => {
      const items = Array.from({ length: 31 }, (): DueItem => ({ dueAtMs: 0, heapIndex: -1 }));
      const model = new Map<DueItem, number>();
      const heap = new DueHeap<DueItem>();
      for (const { index, dueAtMs, remove } of steps) {
        const item = items[index];
        if (item === undefined) continue;
        if (remove) {
          heap.remove(item);
          model.delete(item);
        } else {
          heap.place(item, dueAtMs);
          model.set(item, dueAtMs);
        }
        expect(heap.size).toBe(model.size);
        const first = model.size === 0 ? undefined : Math.min(...model.values());
        expect(heap.peek()?.dueAtMs).toBe(first);
      }
      const drained: number[] = [];
      for (let top = heap.peek(); top !== undefined; top = heap.peek()) {
        drained.push(top.dueAtMs);
        heap.remove(top);
      }
      expect(drained).toEqual([...model.values()].toSorted((a, b) => a - b));
    }),
    { seed: 20_261_121 },
  );
});
