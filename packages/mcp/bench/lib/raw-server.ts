import { startChild } from './child.ts';
import { pin } from './pin.ts';
import type {
  Announcement,
  RawFault,
  RawServerAnswer,
  RawServerCommand,
  RawServerOptions,
} from './raw-server-protocol.ts';
import type { Usage } from './usage.ts';

/** Servers in a process of their own that cost next to nothing. */
export interface RawServers extends AsyncDisposable {
  readonly urls: readonly string[];
  readonly pid: number;
  setFault(at: number, fault: RawFault): Promise<void>;
  /** @returns when it began, in microseconds on the clock of `process.hrtime`. */
  announce(at: number, what: Announcement): Promise<number>;
  /** Tells of a changed resource so often; when each began, on the same clock. */
  burst(at: number, count: number, perSecond: number): Promise<readonly number[]>;
  usage(): Promise<Usage>;
}

export async function startRawServers(options: RawServerOptions): Promise<RawServers> {
  const child = startChild<RawServerCommand, RawServerAnswer>('raw-server-child.ts');
  const pid = child.process.pid ?? 0;
  pin(pid, 'other');
  const started = await child.ask({ kind: 'start', options });
  if (started.kind !== 'started') throw new Error(`the servers answered ${started.kind}`);
  return {
    urls: started.urls,
    pid,
    async setFault(at, fault) {
      await child.ask({ kind: 'fault', at, fault });
    },
    async announce(at, what) {
      const told = await child.ask({ kind: 'announce', at, what });
      return told.kind === 'told' ? told.atUs : Number.NaN;
    },
    async burst(at, count, perSecond) {
      const told = await child.ask({ kind: 'burst', at, count, perSecond });
      return told.kind === 'burst' ? told.atUs : [];
    },
    async usage() {
      const answer = await child.ask({ kind: 'usage' });
      if (answer.kind !== 'usage') throw new Error(`the servers answered ${answer.kind}`);
      return answer.usage;
    },
    [Symbol.asyncDispose]: async () => await child[Symbol.asyncDispose](),
  };
}
