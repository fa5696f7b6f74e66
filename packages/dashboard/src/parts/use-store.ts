import { useEffect, useState } from 'preact/hooks';
import { createStore, type Store } from '../live/store.ts';

/** The value of a store, drawn again when it changes. */
export function useStore<T>(store: Store<T>): T {
  const [value, setValue] = useState<{ readonly current: T }>(() => ({ current: store.get() }));
  useEffect(() => {
    const update = (): void => {
      setValue((before) =>
        Object.is(before.current, store.get()) ? before : { current: store.get() },
      );
    };
    update();
    return store.watch(update);
  }, [store]);
  return value.current;
}

const seconds = createStore(Date.now());
let watchers = 0;
let timer: ReturnType<typeof setInterval> | undefined;

/** The browser's time, once a second, for what counts up or down. */
export function useSeconds(): number {
  useEffect(() => {
    watchers += 1;
    timer ??= setInterval(() => {
      seconds.set(Date.now());
    }, 1000);
    return () => {
      watchers -= 1;
      if (watchers > 0) return;
      clearInterval(timer);
      timer = undefined;
    };
  }, []);
  return useStore(seconds);
}
