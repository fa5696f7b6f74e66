import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Program } from './program.ts';

/** What the program holds after collecting garbage, by its own accounting. */
export interface Held {
  readonly rssBytes: number;
  readonly heapBytes: number;
  readonly externalBytes: number;
  /** Kept for new objects, empty or not: it grows with work and is not given back. Part of the first. */
  readonly youngBytes: number;
}

type Figures =
  | { readonly kind: 'listening'; readonly cpuMs: number }
  | ({ readonly kind: 'memory' } & Held);

/** Arguments of Node with which a program keeps an account of itself. */
export const ACCOUNTED: readonly string[] = [
  '--require',
  fileURLToPath(new URL('own-account.cjs', import.meta.url)),
];

/** Reads the account of a program that was started with `ACCOUNTED`. */
export interface Account {
  /** User and system time of all its threads when it began to listen, in milliseconds. */
  readonly cpuMsAtListen: Promise<number>;
  held(): Promise<Held>;
  /** As `held`, once the engine has given back the pages it does not need: the look of several at which there were fewest. */
  settled(): Promise<Held>;
}

/** Some pages are given back seconds after a collection. */
const LOOKS = 24;
const LOOK_EVERY_MS = 500;

export function accountOf({ child }: Pick<Program, 'child'>): Account {
  const pipe = child.stdio[3];
  if (pipe === null || pipe === undefined || !('read' in pipe)) {
    throw new TypeError('the program was started without a place for its account');
  }
  const listening = Promise.withResolvers<number>();
  let asked: PromiseWithResolvers<Held> | undefined;
  createInterface({ input: pipe }).on('line', (line) => {
    const figures = JSON.parse(line) as Figures;
    if (figures.kind === 'listening') listening.resolve(figures.cpuMs);
    else asked?.resolve(figures);
  });
  async function held(): Promise<Held> {
    asked = Promise.withResolvers<Held>();
    child.kill('SIGUSR2');
    return await asked.promise;
  }
  return {
    cpuMsAtListen: listening.promise,
    held,
    async settled() {
      let least = await held();
      for (let look = 1; look < LOOKS; look += 1) {
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
        const now = await held();
        if (now.rssBytes < least.rssBytes) least = now;
      }
      return least;
    },
  };
}
