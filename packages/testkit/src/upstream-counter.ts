import type { UpstreamCounts } from './upstream.ts';

/** Collects what {@link UpstreamCounts} shows. */
export interface UpstreamCounter {
  readonly connection: () => void;
  /** One HTTP request or line; a batch names several methods. */
  readonly request: (methods: readonly string[]) => void;
  /** An HTTP request has begun; call what is returned when it has been answered. */
  readonly exchange: () => () => void;
  readonly session: () => void;
  readonly aborted: () => void;
  readonly snapshot: () => UpstreamCounts;
}

export function createUpstreamCounter(): UpstreamCounter {
  const count = { requests: 0, connections: 0, sessions: 0, aborted: 0 };
  const byMethod = new Map<string, number>();
  /** Longest rows: of requests begun, and of those that have been answered. */
  const row = { begun: 0, answered: 0 };
  return {
    connection: () => void (count.connections += 1),
    session: () => void (count.sessions += 1),
    aborted: () => void (count.aborted += 1),
    request(methods) {
      count.requests += 1;
      for (const method of methods) byMethod.set(method, (byMethod.get(method) ?? 0) + 1);
    },
    exchange() {
      const place = row.answered + 1;
      row.begun = Math.max(row.begun, place);
      return () => void (row.answered = Math.max(row.answered, place));
    },
    snapshot: () => ({ ...count, roundTrips: row.begun, byMethod: Object.fromEntries(byMethod) }),
  };
}
