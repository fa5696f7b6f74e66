import type { Readable, Writable } from 'node:stream';
import type { FeatureSet } from '../features/feature-set.ts';
import type { CacheHints } from '../features/modern-server.ts';
import type { StdioKind } from '../upstream.ts';

/** A real server on a pair of streams. */
export interface ServedStdio {
  /** Tells the client that the tools changed. */
  announceTools(): void;
  close(): Promise<void>;
}

export interface ServeStdioOptions {
  readonly kind: StdioKind;
  readonly features: FeatureSet;
  readonly hints: CacheHints;
  readonly stdin: Readable;
  readonly stdout: Writable;
}

function ignoreClosed(): void {
  // The connection is closed or not open yet; there is no one to tell.
}

async function serveModern(options: ServeStdioOptions): Promise<ServedStdio> {
  const { serveStdio, StdioServerTransport } = await import('@modelcontextprotocol/server/stdio');
  const { createModernServer } = await import('../features/modern-server.ts');
  // A discover probe and the connection itself each take a server.
  const servers: ReturnType<typeof createModernServer>[] = [];
  const factory = (): ReturnType<typeof createModernServer> => {
    const server = createModernServer(options.features, options.hints);
    servers.push(server);
    return server;
  };
  const transport = new StdioServerTransport(options.stdin, options.stdout);
  const handle = serveStdio(factory, { legacy: 'reject', transport });
  return {
    announceTools() {
      for (const server of servers) server.sendToolListChanged().catch(ignoreClosed);
    },
    close: async () => handle.close(),
  };
}

async function serveLegacy(options: ServeStdioOptions): Promise<ServedStdio> {
  const { StdioServerTransport } = await import('@modelcontextprotocol/sdk/server/stdio.js');
  const { createLegacyServer } = await import('../features/legacy-server.ts');
  const server = createLegacyServer(options.features);
  await server.connect(new StdioServerTransport(options.stdin, options.stdout));
  return {
    announceTools() {
      server.sendToolListChanged().catch(ignoreClosed);
    },
    close: async () => server.close(),
  };
}

/** Connects the official server of the kind's era. Loads only that era's SDK, as start-up time counts in a fleet. */
export async function serveStdioKind(options: ServeStdioOptions): Promise<ServedStdio> {
  return options.kind === 'modern-stdio' ? serveModern(options) : serveLegacy(options);
}
