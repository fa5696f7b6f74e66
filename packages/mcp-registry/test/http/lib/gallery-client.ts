import type { ListBody, ServerItem } from './open-api.ts';

/** Pages a client reads at most before it gives up (as ToolHive does). */
const maxPages = 1_000;

export interface GalleryClient {
  /** Names of all servers a search finds, in the order in which they came; throws where the editor shows an error. */
  query(search?: string): Promise<string[]>;
}

function nameOf({ server, _meta: meta }: ServerItem): string {
  // The editor takes the block apart without asking whether it is there.
  const { 'io.modelcontextprotocol.registry/official': official } = meta;
  if (typeof official?.['isLatest'] !== 'boolean') throw new Error('no official block');
  if (typeof server['description'] !== 'string') throw new Error('no description');
  return server.name;
}

async function readPage(url: string): Promise<ListBody> {
  const response = await fetch(url);
  if (response.status >= 400) throw new Error(`not found: ${response.status}`);
  const body = (await response.json()) as ListBody;
  const [first] = body.servers;
  // An invalid first item fails the whole page; metadata has to be there.
  if (first !== undefined) nameOf(first);
  if (body.metadata.count !== body.servers.length) throw new Error('count is wrong');
  return body;
}

/**
 * Reads a registry the way VS Code does (mcpGalleryService): it probes with `limit=1`, asks for the latest versions 50
 * at a time, appends the cursor without encoding it, and leaves `search` out from the second page on.
 */
export async function openGallery(base: string): Promise<GalleryClient> {
  const url = `${base}/v0.1/servers`;
  await readPage(`${url}?limit=1`);
  return {
    query: async (search) => {
      const names: string[] = [];
      const cursors = new Set<string>();
      let page = await readPage(
        `${url}?limit=50&version=latest${search === undefined ? '' : `&search=${search}`}`,
      );
      for (;;) {
        names.push(...page.servers.map(nameOf));
        const { nextCursor } = page.metadata;
        if (nextCursor === undefined) return names;
        if (cursors.has(nextCursor) || cursors.size > maxPages) throw new Error('cursor loops');
        cursors.add(nextCursor);
        page = await readPage(`${url}?limit=50&version=latest&cursor=${nextCursor}`);
      }
    },
  };
}
