import { fileURLToPath } from 'node:url';
import { DEFAULT_TIMEOUTS, type ConnectorDefinition } from '../../../src/connectors/connector.ts';

export const SERVER_PATH: string = fileURLToPath(new URL('server.ts', import.meta.url));

/** A connector that runs `server.ts` with these arguments. */
export function serverDefinition(
  id: string,
  args: readonly string[],
  changes: Partial<ConnectorDefinition> = {},
): ConnectorDefinition {
  return {
    id,
    title: id,
    origin: 'local',
    enabled: true,
    transport: {
      kind: 'stdio',
      command: process.execPath,
      args: [SERVER_PATH, ...args],
      env: {},
      cwd: undefined,
    },
    era: 'auto',
    timeouts: DEFAULT_TIMEOUTS,
    problem: undefined,
    ...changes,
  };
}
