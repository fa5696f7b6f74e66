import type { EventStore, JSONRPCMessage } from '@modelcontextprotocol/server';

const MAX_EVENTS = 1_000;

interface StoredEvent {
  readonly streamId: string;
  readonly message: JSONRPCMessage;
}

/** Keeps the newest events of one session, so that a client that reconnects is sent what it missed. */
export function createEventStore(): EventStore {
  const events = new Map<string, StoredEvent>();
  let last = 0;

  return {
    async storeEvent(streamId, message) {
      last += 1;
      const id = `${last}`;
      events.set(id, { streamId, message });
      events.delete(`${last - MAX_EVENTS}`);
      return id;
    },
    getStreamIdForEventId: async (id) => events.get(id)?.streamId,
    async replayEventsAfter(lastEventId, { send }) {
      const streamId = events.get(lastEventId)?.streamId;
      if (streamId === undefined) throw new Error('unknown event');
      for (const [id, event] of events) {
        const isMissed = event.streamId === streamId && Number(id) > Number(lastEventId);
        // A priming event has no message.
        if (isMissed && 'jsonrpc' in event.message) await send(id, event.message);
      }
      return streamId;
    },
  };
}
