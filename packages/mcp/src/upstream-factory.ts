import type { Logger } from 'pino';
import type { CreateUpstream } from './connectors/connector-entry.ts';
import type { SharedAgents } from './upstream/agent.ts';
import { createHttpUpstream } from './upstream/http-upstream.ts';
import type { Reaper } from './upstream/reaper.ts';
import { createStdioUpstream } from './upstream/stdio-upstream.ts';

/** What all upstreams of a service share. */
export interface UpstreamParts {
  readonly agents: SharedAgents;
  readonly reaper: Reaper;
  readonly baseEnv: Readonly<Record<string, string | undefined>>;
  readonly clientInfo: { readonly name: string; readonly version: string };
  /** Bounds process starts. */
  readonly limitStart: <T>(run: () => Promise<T>) => Promise<T>;
  readonly random: () => number;
  readonly logger: Logger;
}

/** Chooses the wire by the connector's transport. */
export function createUpstreamFactory(parts: UpstreamParts): CreateUpstream {
  const { agents, reaper, baseEnv, clientInfo, limitStart, random, logger } = parts;
  return (definition, events) => {
    if (definition.transport?.kind === 'stdio') {
      const log = logger.child({ connector: definition.id });
      const onStderr = (line: string): void =>
        log.debug({ stderr: line }, 'server wrote to stderr');
      const options = { events, clientInfo, baseEnv, reaper, limitStart, random, onStderr };
      return createStdioUpstream(definition, options);
    }
    return createHttpUpstream(definition, { agents, events, clientInfo, random });
  };
}
