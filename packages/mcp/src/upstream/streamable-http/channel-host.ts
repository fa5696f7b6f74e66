import type { ChannelHost } from './http-channel.ts';
import type { HttpUpstreamOptions } from './http-upstream-options.ts';
import type { HttpWire } from './http-wire.ts';
import { announceUpdate } from './notification-stream-lists.ts';
import { DEFAULT_STREAM_POLICY } from './notification-stream-policy.ts';

/** What only the upstream itself knows. */
type OwnHost = Pick<ChannelHost, 'calls' | 'answered' | 'lost' | 'mayReplace' | 'rerun'> & {
  /** A message of the server belonged to nobody or was not allowed. */
  ignored(): void;
};

const PROGRESS = 'notifications/progress';

/** What the channels of one upstream ask of it. */
export function createChannelHost(
  wire: HttpWire,
  { events, random, agents, client, streamPolicy = DEFAULT_STREAM_POLICY }: HttpUpstreamOptions,
  own: OwnHost,
): ChannelHost {
  return {
    ...own,
    wire,
    streamWire: { ...wire, dispatcher: agents.streams },
    random,
    streamPolicy,
    ignored: (question) => {
      own.ignored();
      if (question !== undefined) events.refused?.(question);
    },
    client,
    unasked: (method, text) => events.notification(method, text),
    unattributed: (method, text) => {
      if (client?.sole === true && method !== PROGRESS) events.notification(method, text);
      else own.ignored();
    },
    missed: (uri) => announceUpdate(uri, events),
  };
}
