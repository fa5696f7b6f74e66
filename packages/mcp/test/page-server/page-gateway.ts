import { request, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { waitUntil } from '@cortex-os/testkit';
import type { TestGateway } from '../e2e/gateway-fixture.ts';
import { send } from '../gateway/raw-client.ts';

/** One connector of an overview, as far as the tests look at it. */
export interface SeenConnector {
  readonly id: string;
  readonly [name: string]: unknown;
}

export interface SeenOverview {
  readonly service: Readonly<Record<string, unknown>>;
  readonly process: Readonly<Record<string, number | null>>;
  readonly connectors: readonly SeenConnector[];
  readonly flags: readonly Readonly<Record<string, unknown>>[];
  readonly rollout: Readonly<Record<string, unknown>>;
  readonly map: Readonly<Record<string, unknown>> | null;
}

export async function overviewOf({ origin }: Pick<TestGateway, 'origin'>): Promise<SeenOverview> {
  const answer = await send(`${origin}/page/api/overview`, { method: 'GET' });
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
  return answer.json() as SeenOverview;
}

/** The connectors of an overview by id. */
export function rows({ connectors }: SeenOverview): Readonly<Record<string, SeenConnector>> {
  return Object.fromEntries(connectors.map((one) => [one.id, one]));
}

export interface SeenEvent {
  readonly event: string;
  readonly data: unknown;
}

/** An open event stream. */
export interface OpenEvents {
  readonly response: IncomingMessage;
  readonly events: readonly SeenEvent[];
  /** The stream's own lines, events aside. */
  readonly head: () => string;
  readonly ended: () => boolean;
  /** Waits for the event after `from` events that `fits`. */
  next(event: string, fits?: (data: never) => boolean): Promise<SeenEvent>;
  close(): void;
}

/** Opens `/page/api/events` and reads it. */
export async function openEvents(
  origin: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<OpenEvents> {
  const sent = request(`${origin}/page/api/events`, { headers }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const events: SeenEvent[] = [];
  let [rest, head, isEnded, seen] = ['', '', false, 0];
  response.setEncoding('utf8');
  response.on('data', (text: string) => {
    const frames = (rest + text).split('\n\n');
    rest = frames.pop() ?? '';
    for (const frame of frames) {
      const found = /^event: (\w+)\ndata: (.*)$/s.exec(frame);
      if (found === null) head += `${frame}\n`;
      else events.push({ event: found[1] ?? '', data: JSON.parse(found[2] ?? '') as unknown });
    }
  });
  response.on('error', () => undefined);
  response.once('close', () => {
    isEnded = true;
  });
  return {
    response,
    events,
    head: () => head,
    ended: () => isEnded,
    next: async (event, fits = () => true) => {
      let found: SeenEvent | undefined;
      await waitUntil(
        () => {
          const at = events.findIndex(
            (one, index) => index >= seen && one.event === event && fits(one.data as never),
          );
          found = events[at];
          if (at >= 0) seen = at + 1;
          return at >= 0;
        },
        { describe: `an event ${event}` },
      );
      if (found === undefined) throw new Error('no such event');
      return found;
    },
    close: () => response.destroy(),
  };
}
