import { openFaultClient, type Way } from './fault-client.ts';
import type { RequestTemplate } from './message-bytes.ts';
import type { Outcome } from './outcome.ts';

/** How often, how many may wait, and how long each does. */
export const ASK_EVERY_MS = 20;
const MAX_WAITING = 64;
const WAIT_MS = 5_000;
/** Who has not waited for so long when it ends has nothing to say. */
const TELLING_MS = 500;

/** Asks one request again and again, as users of a broken server would. */
interface Asking {
  /** Ends it; what became of the requests. */
  stop(): Promise<readonly Outcome[]>;
}

/** @throws Error when the gateway takes no client. */
export async function askMeanwhile(
  place: { readonly url: string; readonly way: Way },
  request: RequestTemplate,
): Promise<Asking> {
  const client = await openFaultClient(place, WAIT_MS);
  const found: Outcome[] = [];
  const waiting = new Set<Promise<void>>();
  const ask = async (): Promise<void> => {
    const outcome = await client.ask(request, WAIT_MS);
    if (outcome.kind !== 'silent' || outcome.ms >= TELLING_MS) found.push(outcome);
  };
  const timer = setInterval(() => {
    if (waiting.size >= MAX_WAITING) return;
    const asked = ask();
    waiting.add(asked);
    void asked.finally(() => waiting.delete(asked));
  }, ASK_EVERY_MS);
  return {
    async stop() {
      clearInterval(timer);
      client.close();
      await Promise.all(waiting);
      return found;
    },
  };
}
