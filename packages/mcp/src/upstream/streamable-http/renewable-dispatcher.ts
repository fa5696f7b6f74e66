import { createSharedAgents, type SharedAgents } from './agent.ts';

/** Sockets of one connector, which it may let go of at any time. */
export interface RenewableAgents extends SharedAgents {
  /**
   * The sockets for requests close as soon as what is under way on them has ended; the next request opens new ones.
   * Streams stay: they are under way until the connector is closed.
   */
  renew(): void;
}

/**
 * Agents that can be renewed. For the off path of `MCP_CONNECTOR_SHARED_AGENT`: one connector, one dispatcher, closed
 * after each pass.
 */
export function createRenewableAgents(
  create: () => SharedAgents = createSharedAgents,
): RenewableAgents {
  const first = create();
  let current: SharedAgents | undefined = first;
  /** Let go, and still at work. */
  const leaving = new Set<SharedAgents>();
  let closed = false;

  function get(): SharedAgents {
    current ??= create();
    // A request after the end must fail, as it does on the shared agents, and not open a socket.
    if (closed) void current.close();
    return current;
  }

  async function leave(agents: SharedAgents): Promise<void> {
    leaving.add(agents);
    await agents.requests.close();
    leaving.delete(agents);
  }

  return {
    get requests() {
      return get().requests;
    },
    get streams() {
      return first.streams;
    },
    renew() {
      if (current === undefined || closed) return;
      void leave(current);
      current = undefined;
    },
    async close() {
      closed = true;
      const all = new Set([first, ...leaving, ...(current === undefined ? [] : [current])]);
      await Promise.all([...all].map(async (agents) => await agents.close()));
    },
  };
}
