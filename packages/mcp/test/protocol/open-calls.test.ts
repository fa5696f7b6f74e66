import { expect, test } from 'vitest';
import { NumberedCalls, OpenCalls } from '../../src/protocol/open-calls.ts';

test('OpenCalls adds, removes and counts, in whatever order', () => {
  const calls = new OpenCalls<{ place: number; readonly name: string }>();
  const [a, b, c] = ['a', 'b', 'c'].map((name) => ({ place: -1, name }));
  if (a === undefined || b === undefined || c === undefined) throw new Error('there are three');
  for (const call of [a, b, c]) calls.add(call);
  expect(calls.size).toBe(3);
  expect(calls.delete(a)).toBe(true);
  expect(calls.delete(a)).toBe(false);
  expect(new Set(calls.all())).toEqual(new Set([b, c]));
  expect(calls.delete(b)).toBe(true);
  expect(calls.delete(c)).toBe(true);
  expect(calls.size).toBe(0);
  calls.add(a);
  expect(calls.all()).toEqual([a]);
});

test('OpenCalls: what all() gave stays as it was', () => {
  const calls = new OpenCalls();
  const [a, b] = [{ place: -1 }, { place: -1 }];
  calls.add(a);
  calls.add(b);
  const before = calls.all();
  calls.delete(a);
  expect(before).toEqual([a, b]);
});

test('OpenCalls takes no call for one of its own that stands at the same place of another', () => {
  const [one, other] = [new OpenCalls(), new OpenCalls()];
  const [a, b] = [{ place: -1 }, { place: -1 }];
  one.add(a);
  other.add(b);
  expect(one.delete(b)).toBe(false);
  expect(one.size).toBe(1);
});

test('NumberedCalls keeps calls by number, in order', () => {
  const calls = new NumberedCalls<string>();
  for (const id of [1, 5_000_000, 5_000_001]) calls.set(id, `call ${id}`);
  expect(calls.size).toBe(3);
  expect(calls.get(5_000_000)).toBe('call 5000000');
  expect(calls.get(2)).toBeUndefined();
  expect(calls.first()).toBe(1);
  expect(calls.all()).toEqual(['call 1', 'call 5000000', 'call 5000001']);
  expect(calls.delete(1)).toBe(true);
  expect(calls.delete(1)).toBe(false);
  expect(calls.size).toBe(2);
  calls.clear();
  expect([calls.size, calls.first(), calls.get(5_000_001)]).toEqual([0, undefined, undefined]);
});

test('NumberedCalls keeps any number of calls that end in any order', () => {
  const calls = new NumberedCalls<string>();
  const model = new Map<number, string>();
  // A multiplicative generator: the same numbers each time.
  let seed = 12_345;
  const below = (count: number): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % count;
  };
  for (const most of [3, 40, 3_000, 5]) {
    for (let id = model.size, end = id + 6_000; id < end; id += 1) {
      const number = id + most * 10_000;
      calls.set(number, `call ${number}`);
      model.set(number, `call ${number}`);
      while (model.size > most || (model.size > 0 && below(4) === 0)) {
        const ended = [...model.keys()][below(Math.min(model.size, 50))] ?? -1;
        model.delete(ended);
        expect(calls.delete(ended)).toBe(true);
        expect(calls.delete(ended)).toBe(false);
        expect(calls.get(ended)).toBeUndefined();
      }
      expect(calls.size).toBe(model.size);
    }
    expect(calls.all()).toEqual([...model.values()]);
    expect(calls.first()).toBe([...model.keys()][0]);
    for (const [number, call] of model) expect(calls.get(number)).toBe(call);
  }
});
