import { fileURLToPath } from 'node:url';
import { processTree } from '@cortex-os/testkit';
import { bundledChild } from './bundled-child.ts';
import { startChild, type BenchChild } from './child.ts';
import { pin } from './pin.ts';
import type { HeapReport } from './sample-heap.ts';
import type { SubjectAnswer, SubjectCommand, SubjectOptions } from './subject-protocol.ts';
import type { Usage } from './usage.ts';

/** One candidate of a comparison, running. */
export interface Subject extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  /** How it was started, for the record. */
  readonly commandLine: string;
  usage(): Promise<Usage>;
}

/** A process that is told what to be by messages, and asked for its usage. */
export interface NodeSubject extends Subject {
  /** After collecting garbage, where `--expose-gc` was given. */
  settledUsage(): Promise<Usage>;
  /** Writes to all streams; only `streams` can. @returns when it began, on the clock of `process.hrtime`. */
  broadcast(text: string): Promise<number>;
  /** Samples who allocates: everybody, or only who keeps; the function that comes back ends that. */
  sampleHeap(all: boolean): Promise<() => Promise<HeapReport>>;
  /** Samples where its time goes; the function that comes back ends that and writes a `.cpuprofile`. */
  profile(): Promise<(file: string) => Promise<void>>;
}

const REPOSITORY = fileURLToPath(new URL('../../../../', import.meta.url));

/** A bundle, which is told by its source. */
const BUNDLE = /node_modules\/\.cache\/bench\/\w+\/[\w-]+\/([\w-]+)\.js$/;

/** Without the places of this machine, so that it means the same on another. */
function commandLineOf({ process: child }: BenchChild<SubjectCommand, SubjectAnswer>): string {
  const [, ...parts] = child.spawnargs;
  const named = parts.map((part) =>
    part.replace(REPOSITORY, '').replace(BUNDLE, 'bench/lib/$1.ts (bundled)'),
  );
  return ['node', ...named].join(' ');
}

async function usageBy(
  child: BenchChild<SubjectCommand, SubjectAnswer>,
  kind: 'usage' | 'settled-usage',
): Promise<Usage> {
  const answer = await child.ask({ kind });
  if (answer.kind !== 'usage') throw new Error(`the process answered ${answer.kind}`);
  return answer.usage;
}

function scriptOf(options: SubjectOptions): string {
  if (options.kind === 'sdk') return '../../../testkit/bench/sdk-gateway-child.ts';
  if (options.kind !== 'ours') return 'bare-child.ts';
  return bundledChild('gateway-child', options.source);
}

/** Starts a subject in a process of its own; resolves when it serves. */
export async function startSubject(
  options: SubjectOptions,
  execArgv: readonly string[] = [],
): Promise<NodeSubject> {
  const child = startChild<SubjectCommand, SubjectAnswer>(scriptOf(options), execArgv);
  pin(child.process.pid ?? 0, 'subject');
  const answer = await child.ask({ kind: 'start', options });
  if (answer.kind !== 'started') {
    await child[Symbol.asyncDispose]();
    throw new Error(answer.kind === 'failed' ? answer.why : `the process answered ${answer.kind}`);
  }
  return {
    url: answer.url,
    pid: child.process.pid ?? 0,
    commandLine: commandLineOf(child),
    usage: async () => await usageBy(child, 'usage'),
    async broadcast(text) {
      const told = await child.ask({ kind: 'broadcast', text });
      return told.kind === 'told' ? told.atUs : Number.NaN;
    },
    async sampleHeap(all) {
      await child.ask({ kind: 'heap', all });
      return async () => {
        const answered = await child.ask({ kind: 'heap-end' });
        if (answered.kind !== 'heap') throw new Error(`the process answered ${answered.kind}`);
        return answered.report;
      };
    },
    async profile() {
      await child.ask({ kind: 'profile' });
      return async (path) => void (await child.ask({ kind: 'profile-end', file: path }));
    },
    settledUsage: async () => await usageBy(child, 'settled-usage'),
    [Symbol.asyncDispose]: async () => await child[Symbol.asyncDispose](),
  };
}

/** What a process has started, all generations; nothing where there is no /proc. */
export function childrenOf(pid: number): readonly number[] {
  return process.platform === 'linux' ? processTree(pid).map((entry) => entry.pid) : [];
}
