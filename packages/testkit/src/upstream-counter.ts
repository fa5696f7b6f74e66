import type { UpstreamCounts } from './upstream.ts';

/** Collects what {@link UpstreamCounts} shows. */
export interface UpstreamCounter {
  readonly connection: () => void;
  /** One HTTP request or line; a batch names several methods. */
  readonly request: (methods: readonly string[]) => void;
  readonly session: () => void;
  readonly aborted: () => void;
  readonly snapshot: () => UpstreamCounts;
}

export function createUpstreamCounter(): UpstreamCounter {
  const count = { requests: 0, connections: 0, sessions: 0, aborted: 0 };
  const byMethod = new Map<string, number>();
  return {
    connection: () => void (count.connections += 1),
    session: () => void (count.sessions += 1),
    aborted: () => void (count.aborted += 1),
    request(methods) {
      count.requests += 1;
      for (const method of methods) byMethod.set(method, (byMethod.get(method) ?? 0) + 1);
    },
    snapshot: () => ({ ...count, byMethod: Object.fromEntries(byMethod) }),
  };
}
