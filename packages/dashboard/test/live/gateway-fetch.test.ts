import { expect, test } from 'vitest';
import { backoffMs } from '../../src/live/backoff.ts';
import {
  createGatewayFetch,
  createKeyKeeper,
  type Access,
  type Fetch,
} from '../../src/live/gateway-fetch.ts';
import { createStore } from '../../src/live/store.ts';
import { keepTheme, readTheme } from '../../src/live/theme.ts';

function storage(): Storage {
  const map = new Map<string, string>();
  return {
    get length() {
      return map.size;
    },
    clear: () => {
      map.clear();
    },
    key: () => null,
    getItem: (name) => map.get(name) ?? null,
    setItem: (name, value) => {
      map.set(name, value);
    },
    removeItem: (name) => {
      map.delete(name);
    },
  };
}

function refused(): never {
  throw new DOMException('Storage is forbidden.', 'SecurityError');
}

const forbidden = { getItem: refused, setItem: refused, removeItem: refused };

test('createKeyKeeper() keeps the key in the storage it is given, and forgets it there', () => {
  const kept = storage();
  createKeyKeeper(kept).keep('k1');
  expect(createKeyKeeper(kept).read()).toBe('k1');
  createKeyKeeper(kept).keep(undefined);
  expect(kept.length).toBe(0);
});

test('createKeyKeeper() keeps the key in memory where storage is forbidden', () => {
  const keys = createKeyKeeper(forbidden);
  expect(keys.read()).toBeUndefined();
  keys.keep('k1');
  expect(keys.read()).toBe('k1');
});

function gateway(answer: (authorization: string | null) => number) {
  const seen: (string | null)[] = [];
  const keys = createKeyKeeper(storage());
  const access = createStore<Access>({ kind: 'open' });
  const fetch: Fetch = async (_path, init) => {
    const authorization = new Headers(init?.headers).get('authorization');
    seen.push(authorization);
    return Promise.resolve(new Response(null, { status: answer(authorization) }));
  };
  return { seen, keys, access, fetch: createGatewayFetch(fetch, keys, access) };
}

test('createGatewayFetch() sends the key once there is one', async () => {
  const { fetch, seen, keys } = gateway(() => 200);
  await fetch('/a');
  keys.keep('k1');
  await fetch('/a', { headers: { accept: 'x' } });
  expect(seen).toEqual([null, 'Bearer k1']);
});

test('createGatewayFetch() asks for a key on 401, and says whether one was refused', async () => {
  const { fetch, keys, access } = gateway((key) => (key === 'Bearer no-scope' ? 403 : 401));
  await fetch('/a');
  expect(access.get()).toEqual({ kind: 'wanted', why: 'This gateway asks for a key.' });
  keys.keep('wrong');
  await fetch('/a');
  expect(access.get()).toMatchObject({ why: 'The gateway did not accept that key.' });
  keys.keep('no-scope');
  access.set({ kind: 'open' });
  await fetch('/mcp');
  expect(access.get()).toEqual({ kind: 'open' });
  await fetch('/page/api/overview');
  expect(access.get()).toMatchObject({ why: 'This key may not do that here. Another one may.' });
});

test('createGatewayFetch() does not ask for a key on 403 without one, nor for the sake of an older key', async () => {
  const { fetch, access } = gateway(() => 403);
  expect((await fetch('/a')).status).toBe(403);
  const other = gateway(() => {
    other.keys.keep('newer');
    return 401;
  });
  await other.fetch('/a');
  expect([access.get().kind, other.access.get().kind]).toEqual(['open', 'open']);
});

test('backoffMs() doubles up to 8 s, a quarter more or less by chance', () => {
  expect([1, 2, 3, 4, 5, 6, 60].map((one) => backoffMs(one, () => 0.5))).toEqual([
    500, 1000, 2000, 4000, 8000, 8000, 8000,
  ]);
  expect(backoffMs(1, () => 0)).toBe(375);
  expect(backoffMs(9, () => 1)).toBe(10_000);
});

test('createStore() tells watchers of changes, and of nothing else', () => {
  const store = createStore(1);
  let told = 0;
  const stop = store.watch(() => {
    told += 1;
  });
  store.set(1);
  store.set(2);
  stop();
  store.set(3);
  expect([told, store.get()]).toEqual([1, 3]);
});

test('readTheme() knows what keepTheme() kept, and the system where storage is forbidden', () => {
  const kept = storage();
  expect(readTheme(kept)).toBe('system');
  keepTheme(kept, 'dark');
  expect(readTheme(kept)).toBe('dark');
  kept.setItem('cortex-mcp.theme', 'plaid');
  expect(readTheme(kept)).toBe('system');
  keepTheme(forbidden, 'dark');
  expect(readTheme(forbidden)).toBe('system');
});
