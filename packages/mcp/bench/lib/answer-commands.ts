import type { Session } from 'node:inspector/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { endProfile, startProfile } from './take-profile.ts';
import { endHeapSampling, startHeapSampling } from './sample-heap.ts';
import type { SubjectAnswer, SubjectCommand, SubjectOptions } from './subject-protocol.ts';
import { ownUsage, watchCollections } from './usage.ts';

/** What a subject's process hands to `answerCommands`. */
export interface StartedSubject {
  readonly url: string;
  /** Writes to all streams it holds. */
  broadcast?(text: string): void;
  /** Called before the process ends. */
  close?(): Promise<void>;
}

/** So that what was freed by one collection is given back by the next. */
const COLLECTIONS = 3;

async function collected(): Promise<SubjectAnswer> {
  for (let round = 0; round < COLLECTIONS; round += 1) {
    globalThis.gc?.();
    await delay(50);
  }
  return { kind: 'usage', usage: ownUsage() };
}

/** The process's side of `startSubject`. */
export function answerCommands(start: (options: SubjectOptions) => Promise<StartedSubject>): void {
  let subject: StartedSubject | undefined;
  let profile: Session | undefined;
  let heap: Session | undefined;
  async function answer(command: SubjectCommand): Promise<SubjectAnswer> {
    switch (command.kind) {
      case 'start':
        subject = await start(command.options);
        return { kind: 'started', url: subject.url };
      case 'usage':
        return { kind: 'usage', usage: ownUsage() };
      case 'settled-usage':
        return await collected();
      case 'broadcast': {
        const atUs = Number(process.hrtime.bigint() / 1_000n);
        subject?.broadcast?.(command.text);
        return { kind: 'told', atUs };
      }
      case 'heap':
        heap = await startHeapSampling(command.all);
        return { kind: 'done' };
      case 'heap-end':
        return { kind: 'heap', report: await endHeapSampling(heap) };
      case 'profile':
        profile = await startProfile();
        return { kind: 'done' };
      case 'profile-end':
        await endProfile(profile, command.file);
        return { kind: 'done' };
      default:
        throw new TypeError('there is no such command');
    }
  }
  watchCollections();
  process.on('message', (command: SubjectCommand) => {
    void answer(command)
      .catch((error: unknown): SubjectAnswer => ({ kind: 'failed', why: String(error) }))
      .then((reply) => process.connected && process.send?.(reply));
  });
  process.on('disconnect', () => {
    void Promise.resolve(subject?.close?.()).then(() => process.exit());
  });
}
