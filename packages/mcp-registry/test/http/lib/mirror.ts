import type { OpenedApi, ServerItem } from './open-api.ts';
import { official } from './open-api.ts';

export interface Mirror {
  /** Fetches what changed since the newest change it knows. */
  sync(from: OpenedApi): Promise<void>;
  /** What it holds, sorted, one JSON text an entry. */
  contents(): string[];
}

function idOf({ server }: ServerItem): string {
  return `${server.name}\n${server.version}`;
}

/** A downstream registry that only ever asks for changes, by the dates it was given. */
export function createMirror(limit: number): Mirror {
  const items = new Map<string, string>();
  let newestMs = 0;
  let newest = '1970-01-01T00:00:00Z';
  return {
    sync: async ({ list }) => {
      let query = `?limit=${limit}&updated_since=${encodeURIComponent(newest)}`;
      for (;;) {
        const page = await list(query);
        for (const item of page.servers) {
          items.set(idOf(item), JSON.stringify(item));
          const updatedAt = String(official(item)['updatedAt']);
          if (Date.parse(updatedAt) < newestMs) continue;
          newestMs = Date.parse(updatedAt);
          newest = updatedAt;
        }
        const { nextCursor } = page.metadata;
        if (nextCursor === undefined) return;
        query = `?limit=${limit}&cursor=${nextCursor}`;
      }
    },
    contents: () => [...items.values()].toSorted(),
  };
}

/** Everything the registry holds, tombstones included, in the form of {@link Mirror.contents}. */
export async function everything({ list }: OpenedApi): Promise<string[]> {
  const all: string[] = [];
  let query = '?limit=100&include_deleted=true';
  for (;;) {
    const page = await list(query);
    all.push(...page.servers.map((item) => JSON.stringify(item)));
    const { nextCursor } = page.metadata;
    if (nextCursor === undefined) return all.toSorted();
    query = `?limit=100&cursor=${nextCursor}`;
  }
}
