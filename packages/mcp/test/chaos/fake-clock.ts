import { globSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Debian's `libfaketime`; without it clocks are left alone. */
const [LIBRARY] = globSync('/usr/lib/*/faketime/libfaketime.so.1');

/** A wall clock that can be set back and forth for one process; the monotonic clock goes on as it is (F12). */
export interface FakeClock {
  /** What the process is started with. */
  readonly env: Readonly<Record<string, string>>;
  /** False when there is no library for it. */
  step(seconds: number): boolean;
}

export function createFakeClock(folder: string): FakeClock {
  if (LIBRARY === undefined) return { env: {}, step: () => false };
  const file = join(folder, 'clock');
  const set = (seconds: number): void =>
    writeFileSync(file, `${seconds < 0 ? '' : '+'}${seconds}s\n`);
  set(0);
  return {
    env: {
      LD_PRELOAD: LIBRARY,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      DONT_FAKE_MONOTONIC: '1',
    },
    step(seconds) {
      set(seconds);
      return true;
    },
  };
}
