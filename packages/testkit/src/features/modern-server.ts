import { Server } from '@modelcontextprotocol/server';
import type { FeatureSet } from './feature-set.ts';

/** Cache hints of revision 2026-07-28; what is left out is the SDK's default. */
export interface CacheHints {
  readonly ttlMs?: number;
  readonly cacheScope?: 'public' | 'private';
}

const CACHEABLE: ReadonlySet<string> = new Set([
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'resources/read',
]);

/** A server of SDK 2 that answers from the feature set, without the SDK's schemas in between. */
export function createModernServer(features: FeatureSet, hints: CacheHints): Server {
  const { ttlMs, cacheScope } = hints;
  const hint = {
    ...(ttlMs === undefined ? {} : { ttlMs }),
    ...(cacheScope === undefined ? {} : { cacheScope }),
  };
  const server = new Server(features.serverInfo, {
    capabilities: features.capabilities,
    instructions: features.instructions,
    cacheHints: { 'server/discover': hint },
  });
  server.fallbackRequestHandler = async ({ method, params }, { mcpReq }) => {
    const { signal, notify, _meta: meta } = mcpReq;
    const progressToken = meta?.progressToken;
    const result = await features.handle(method, params, {
      signal,
      async progress(progress, total) {
        if (progressToken === undefined) return;
        await notify({
          method: 'notifications/progress',
          params: { progressToken, progress, total },
        });
      },
    });
    // The SDK adds its own hints only to handlers registered by name.
    return CACHEABLE.has(method) ? { ...result, ...hint } : result;
  };
  return server;
}
