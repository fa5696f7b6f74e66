import { join } from 'node:path';
import type { Logger } from 'pino';
import type { SessionMemory } from '../gateway/session/session-memory.ts';
import type { StateOwner, StateOwnerOptions } from './state-owner.ts';

const FILE = 'sessions.jsonl';

/** Sessions in the state folder. The code for it is loaded with the first legacy client: most starts see none. */
export function createSessionMemory(
  { stateFolder }: StateOwnerOptions,
  owner: StateOwner,
  logger: Logger,
): SessionMemory {
  let loading: Promise<SessionMemory> | undefined;
  const load = async (): Promise<SessionMemory> => {
    const { createSessionJournal } = await import('./session-journal.ts');
    return createSessionJournal({
      path: join(stateFolder, FILE),
      mayCompact: () => owner.owns,
      onError: (error) => logger.warn({ err: error }, 'sessions are not kept over a restart'),
    });
  };
  const journal = async (): Promise<SessionMemory> => await (loading ??= load());
  return {
    keep: (id, session) => void journal().then((to) => to.keep(id, session)),
    forget: (id) => void journal().then((to) => to.forget(id)),
    recall: async (id) => await (await journal()).recall(id),
    flush: async () => {
      await (await loading)?.flush();
    },
  };
}
