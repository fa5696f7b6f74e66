import { fileURLToPath } from 'node:url';
import { DEFAULT_TIMEOUTS, type ConnectorDefinition } from '../../src/connectors/connector.ts';
import type { WireEra } from './message-bytes.ts';

/** Before the names of the first connector's tools on the shared endpoint. */
export const FIRST_PREFIX = 'server-000__';

/** The command of a server on standard streams. */
export function stdioCommand(era: WireEra, tools: readonly string[]): readonly string[] {
  const script = fileURLToPath(new URL('raw-stdio-child.ts', import.meta.url));
  return [process.execPath, script, era, ...tools];
}

/** One connector that is a process. */
export function stdioConnector(era: WireEra, tools: readonly string[]): ConnectorDefinition {
  const [command = '', ...args] = stdioCommand(era, tools);
  return {
    id: 'server-000',
    title: 'server-0',
    origin: 'local',
    enabled: true,
    era: 'auto',
    timeouts: DEFAULT_TIMEOUTS,
    problem: undefined,
    transport: { kind: 'stdio', command, args, env: {}, cwd: undefined },
  };
}
