import { Readable } from 'node:stream';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler } from '@modelcontextprotocol/server';
import type { FeatureSet } from '../features/feature-set.ts';
import { createModernServer, type CacheHints } from '../features/modern-server.ts';
import type { Engine, FrontRequest } from './engine.ts';

export interface ModernEngineOptions {
  readonly features: FeatureSet;
  readonly hints: CacheHints;
  /** `reject`: revision 2026-07-28 only. `stateless`: both eras. */
  readonly legacy: 'reject' | 'stateless';
}

function replay({ incoming, body }: FrontRequest): Parameters<ReturnType<typeof toNodeHandler>>[0] {
  const { method, url, headers } = incoming;
  return Object.assign(Readable.from(body.length === 0 ? [] : [body]), {
    headers,
    ...(method === undefined ? {} : { method }),
    ...(url === undefined ? {} : { url }),
  });
}

/** SDK 2 behind `createMcpHandler`: a server per request, no sessions. */
export function createModernEngine({ features, hints, legacy }: ModernEngineOptions): Engine {
  // Cache hints belong to the modern era only.
  const handler = createMcpHandler(
    ({ era }) => createModernServer(features, era === 'modern' ? hints : {}),
    { legacy },
  );
  const listener = toNodeHandler(handler);
  return {
    handle: async (request, response) => listener(replay(request), response),
    announceTools() {
      handler.notify.toolsChanged();
    },
    openSessions: 0,
    close: handler.close,
  };
}
