import { startChild } from './child.ts';
import { pin } from './pin.ts';
import type { LoadFigures, LoadPlace, RawLoadAnswer, RawLoadCommand } from './raw-load-protocol.ts';

/** Makes load, in a process of its own. */
export interface RawLoad extends AsyncDisposable {
  readonly pid: number;
  /** @throws Error when a connection cannot be opened or its first answer is no success. */
  open(place: LoadPlace): Promise<void>;
  /** Keeps the connections of the last `open` busy. */
  run(durationMs: number): Promise<LoadFigures>;
  close(): Promise<void>;
}

export function startRawLoad(): RawLoad {
  const child = startChild<RawLoadCommand, RawLoadAnswer>('raw-load-child.ts');
  const pid = child.process.pid ?? 0;
  pin(pid, 'other');
  async function ask<K extends RawLoadAnswer['kind']>(
    command: RawLoadCommand,
    kind: K,
  ): Promise<Extract<RawLoadAnswer, { kind: K }>> {
    const answer = await child.ask(command);
    if (answer.kind === 'failed') throw new Error(answer.why);
    if (answer.kind !== kind) throw new Error(`the load answered ${answer.kind}`);
    return answer as Extract<RawLoadAnswer, { kind: K }>;
  }
  return {
    pid,
    open: async (place) => void (await ask({ kind: 'open', place }, 'opened')),
    run: async (durationMs) => (await ask({ kind: 'run', durationMs }, 'figures')).figures,
    close: async () => void (await ask({ kind: 'close' }, 'closed')),
    [Symbol.asyncDispose]: async () => await child[Symbol.asyncDispose](),
  };
}
