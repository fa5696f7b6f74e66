import assert from 'node:assert/strict';
import { keyOf, recordKey, type ServerRecord } from './server-record.ts';
import type { RecordChange, RegistryState, RegistryStore } from './store/store.ts';
import { readStored, storeRecord } from './stored-record.ts';

/** One place that stores can be opened at, again and again. */
export interface StorePlace {
  /** Opens the store of this place; the one before it was closed. `close` may be called twice. */
  open(): Promise<RegistryStore>;
  /** Removes the place. */
  dispose(): Promise<void>;
}

/** One promise of the store seam. It rejects when the store does not keep it. */
export interface ConformanceCase {
  readonly name: string;
  readonly run: () => Promise<void>;
}

function server(name: string, more: Record<string, unknown> = {}): ServerRecord {
  return { name, transport: 'stdio', command: 'run', ...more };
}

function put(record: ServerRecord): RecordChange {
  return { kind: 'put', key: keyOf(record), record: storeRecord(record) };
}

function readAll(state: RegistryState): ServerRecord[] {
  return Array.from(state.records.values(), readStored);
}

/** The state after closing and opening again. */
async function reopened(place: StorePlace, store: RegistryStore): Promise<RegistryState> {
  await store.close();
  const next = await place.open();
  const state = await next.load();
  await next.close();
  return state;
}

type Body = (place: StorePlace, store: RegistryStore) => Promise<void>;

const bodies: Readonly<Record<string, Body>> = {
  'load() of a new place is empty at generation 0': async (_place, store) => {
    assert.equal(store.access.kind, 'writer');
    const state = await store.load();
    assert.deepEqual([state.generation, state.records.size], [0, 0]);
  },
  'append() keeps a batch over a reopening': async (place, store) => {
    await store.load();
    await store.append({ from: 1, to: 2, changes: [put(server('a')), put(server('b'))] });
    const state = await reopened(place, store);
    assert.equal(state.generation, 2);
    assert.deepEqual([...state.records.keys()], ['a', 'b']);
  },
  'append() lets later changes of an entry win': async (place, store) => {
    await store.load();
    await store.append({ from: 1, to: 1, changes: [put(server('a', { command: 'old' }))] });
    await store.append({ from: 2, to: 2, changes: [put(server('a', { command: 'new' }))] });
    const state = await reopened(place, store);
    const [record] = readAll(state);
    assert.equal(record?.command, 'new');
  },
  'append() keeps removals': async (place, store) => {
    await store.load();
    await store.append({ from: 1, to: 2, changes: [put(server('a')), put(server('b'))] });
    await store.append({ from: 3, to: 3, changes: [{ kind: 'remove', key: 'a' }] });
    const state = await reopened(place, store);
    assert.deepEqual([...state.records.keys()], ['b']);
  },
  'append() keeps versions of one name apart': async (place, store) => {
    await store.load();
    const versions = ['1.0.0', '2.0.0'].map((version) =>
      server('a/b', { server: { name: 'a/b', version, description: 'd' } }),
    );
    await store.append({ from: 1, to: 2, changes: versions.map(put) });
    const state = await reopened(place, store);
    assert.deepEqual(
      [...state.records.keys()],
      [recordKey('a/b', '1.0.0'), recordKey('a/b', '2.0.0')],
    );
  },
  'records keep every field, also unknown and awkward ones': async (place, store) => {
    await store.load();
    const record = server('ünï ☃ "quoted"', {
      env: { A: 'line\nbreak\u2028', B: '' },
      nested: { list: [1, null, true, { deep: ' ' }], text: '"servers": [' },
    });
    await store.append({ from: 1, to: 1, changes: [put(record)] });
    const state = await reopened(place, store);
    assert.deepEqual(readAll(state), [record]);
  },
  'snapshot() replaces the whole and keeps extra keys': async (place, store) => {
    await store.load();
    await store.append({ from: 1, to: 1, changes: [put(server('old'))] });
    const source = {
      generation: 5,
      records: [storeRecord(server('x'))],
      extra: { note: { a: [1] } },
    };
    assert.equal(await store.snapshot(() => source, { paced: false }), 5);
    const state = await reopened(place, store);
    assert.deepEqual([state.generation, [...state.records.keys()]], [5, ['x']]);
    assert.deepEqual(state.extra, { note: { a: [1] } });
  },
  'append() during a snapshot() is not lost': async (place, store) => {
    await store.load();
    const model = [storeRecord(server('a'))];
    const capture = () => ({ generation: model.length, records: [...model], extra: {} });
    const running = store.snapshot(capture, { paced: false });
    for (const name of ['b', 'c', 'd']) {
      model.push(storeRecord(server(name)));
      const at = model.length;
      await store.append({ from: at, to: at, changes: [put(server(name))] });
    }
    await running;
    const state = await reopened(place, store);
    assert.deepEqual([state.generation, [...state.records.keys()]], [4, ['a', 'b', 'c', 'd']]);
  },
  'appendNow() keeps a batch without waiting': async (place, store) => {
    await store.load();
    store.appendNow({ from: 1, to: 1, changes: [put(server('a'))] });
    const state = await reopened(place, store);
    assert.deepEqual([...state.records.keys()], ['a']);
  },
  'a thousand records survive ten reopenings': async (place, first) => {
    let store = first;
    for (let round = 0; round < 10; round++) {
      const { generation } = await store.load();
      const changes = Array.from({ length: 100 }, (_, i) => put(server(`s-${round * 100 + i}`)));
      await store.append({ from: generation + 1, to: generation + 100, changes });
      await store.close();
      store = await place.open();
    }
    const state = await store.load();
    await store.close();
    assert.deepEqual([state.generation, state.records.size], [1_000, 1_000]);
  },
};

/**
 * The promises every registry store keeps, as cases for any test runner:
 * `for (const c of storeConformance(make)) test(c.name, c.run)`. `make` gives a fresh, empty place each time.
 */
export function storeConformance(make: () => Promise<StorePlace>): ConformanceCase[] {
  return Object.entries(bodies).map(([name, body]) => ({
    name,
    run: async () => {
      const made = await make();
      const stores: RegistryStore[] = [];
      const open = async () => {
        const store = await made.open();
        stores.push(store);
        return store;
      };
      try {
        await body({ ...made, open }, await open());
      } finally {
        // A case that failed half-way leaves its store open; closing twice is allowed.
        for (const store of stores) await store.close();
        await made.dispose();
      }
    },
  }));
}
