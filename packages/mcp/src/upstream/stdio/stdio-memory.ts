import type { ConnectorMemory } from '../../connectors/connector.ts';
import type { Environment } from '../process/child-process-env.ts';

/** Words that were given, then ours. */
function joined(given: string | undefined, ours: readonly string[], separator: string): string {
  return [given?.trim() ?? '', ...ours].filter((word) => word !== '').join(separator);
}

/**
 * The variables of a process with what its `memory` asks for: flags behind those of its `NODE_OPTIONS`, of which Node
 * heeds the last, and the allocator behind what its `LD_PRELOAD` names. What it starts itself inherits both.
 */
export function withMemory(env: Environment, memory: ConnectorMemory | undefined): Environment {
  if (memory === undefined) return env;
  const { heapMiB, semiSpaceMiB, allocatorPath } = memory;
  const flags = [
    ...(heapMiB === undefined ? [] : [`--max-old-space-size=${heapMiB}`]),
    ...(semiSpaceMiB === undefined ? [] : [`--max-semi-space-size=${semiSpaceMiB}`]),
  ];
  return {
    ...env,
    ...(flags.length > 0 && { NODE_OPTIONS: joined(env['NODE_OPTIONS'], flags, ' ') }),
    ...(allocatorPath !== undefined && {
      LD_PRELOAD: joined(env['LD_PRELOAD'], [allocatorPath], ':'),
    }),
  };
}
