import { startChild } from './child.ts';
import { pin } from './pin.ts';
import type { StreamAnswer, StreamCommand } from './stream-protocol.ts';

/** Clients that hold a stream and wait, in a process of their own. */
export interface StreamClients extends AsyncDisposable {
  readonly pid: number;
  open(options: Omit<Extract<StreamCommand, { kind: 'open' }>, 'kind'>): Promise<void>;
  reset(): Promise<void>;
  /** When the events of each stream came, in order; microseconds on the clock of `process.hrtime`. */
  arrivals(): Promise<readonly (readonly number[])[]>;
  close(): Promise<void>;
}

export function startStreamClients(): StreamClients {
  const child = startChild<StreamCommand, StreamAnswer>('stream-child.ts');
  const pid = child.process.pid ?? 0;
  pin(pid, 'other');
  async function ask(command: StreamCommand): Promise<StreamAnswer> {
    const answer = await child.ask(command);
    if (answer.kind === 'failed') throw new Error(answer.why);
    return answer;
  }
  return {
    pid,
    open: async (options) => void (await ask({ kind: 'open', ...options })),
    reset: async () => void (await ask({ kind: 'reset' })),
    async arrivals() {
      const answer = await ask({ kind: 'arrivals' });
      return answer.kind === 'arrivals' ? answer.streams : [];
    },
    close: async () => void (await ask({ kind: 'close' })),
    [Symbol.asyncDispose]: async () => await child[Symbol.asyncDispose](),
  };
}
