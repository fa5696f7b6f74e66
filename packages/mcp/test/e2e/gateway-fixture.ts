import { DEFAULT_SETTINGS } from '../../src/service/default-settings.ts';
import { pino } from 'pino';
import type { RunningUpstream } from '@cortex-os/testkit';
import { DEFAULT_TIMEOUTS, type ConnectorDefinition } from '../../src/connectors/connector.ts';
import {
  createService,
  type Service,
  type ServiceOptions,
  type ServiceSettings,
} from '../../src/service/service.ts';

/** A running gateway on a free port. */
export interface TestGateway extends AsyncDisposable {
  readonly service: Service;
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  /** The shared endpoint, or one connector's. */
  url(connectorId?: string): string;
}

/** A connector as a config file would give it. */
export function connector(
  id: string,
  transport: ConnectorDefinition['transport'],
  more: Partial<ConnectorDefinition> = {},
): ConnectorDefinition {
  return {
    id,
    title: id,
    origin: 'local',
    enabled: true,
    era: 'auto',
    timeouts: DEFAULT_TIMEOUTS,
    problem: undefined,
    transport,
    ...more,
  };
}

/** The connector that leads to a server of the testkit. */
export function connectorFor(
  upstream: RunningUpstream,
  id: string = upstream.kind,
  more: Partial<ConnectorDefinition> = {},
): ConnectorDefinition {
  if (upstream.transport === 'http') {
    return connector(id, { kind: 'http', url: upstream.url, headers: {} }, more);
  }
  const { command, args, env = {} } = upstream.command;
  return connector(id, { kind: 'stdio', command, args, env, cwd: undefined }, more);
}

export async function startGateway(
  connectors: readonly ConnectorDefinition[],
  settings: Partial<ServiceSettings> = {},
  more: Partial<ServiceOptions> = {},
): Promise<TestGateway> {
  const service = createService({
    connectors,
    settings: { ...DEFAULT_SETTINGS, ...settings },
    logger: pino({ level: 'silent' }),
    baseEnv: process.env,
    version: '0.0.0-test',
    ...more,
  });
  const { port } = await service.start();
  const origin = `http://127.0.0.1:${port}`;
  return {
    service,
    origin,
    url: (connectorId) => `${origin}/mcp${connectorId === undefined ? '' : `/${connectorId}`}`,
    [Symbol.asyncDispose]: async () => await service.close(),
  };
}
