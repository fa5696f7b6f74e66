import { credentialsOptions } from '../config/credentials-options.ts';
import { definedVariables } from '../config/environment.ts';
import { nearest } from '../config/nearest.ts';
import { openConnectorLogin, type ConnectorLogin } from '../service/service.ts';
import { type CommandContext, UsageError } from './command.ts';
import { type KnownConnector, knownConnectors } from './known-connectors.ts';
import { readConfig, showWarnings } from './open-service.ts';
import { chance } from './registry-location.ts';
import { safeText } from './terminal-text.ts';

/** The login of connectors, with the connectors that the command is about. */
export interface AuthScope {
  readonly login: ConnectorLogin;
  readonly connectors: readonly KnownConnector[];
}

function select(
  connectors: readonly KnownConnector[],
  wanted: string | undefined,
): readonly KnownConnector[] {
  if (wanted === undefined) return connectors;
  const all = connectors.map(({ definition }) => definition);
  const ids = all.map(({ id }) => id);
  const titles = all.map(({ title }) => title);
  const found = connectors[ids.indexOf(wanted)] ?? connectors[titles.indexOf(wanted)];
  if (found !== undefined) return [found];
  const meant = nearest(wanted, ids);
  const hint = meant === undefined ? 'see cortex-mcp auth status' : `did you mean ${meant}?`;
  throw new UsageError(
    `there is no connector ${JSON.stringify(wanted)}`,
    'CONNECTOR_UNKNOWN',
    hint,
  );
}

/**
 * Runs `use` with what configuration and registry say of the connector that is named, or of all. A machine without
 * either has none. @throws UsageError
 */
export async function withAuth(
  context: CommandContext,
  use: (scope: AuthScope) => Promise<number>,
): Promise<number> {
  const { io, args } = context;
  const config = await readConfig(context, true);
  const known = await knownConnectors(io, config);
  showWarnings(io, known.warnings.map(safeText));
  const connectors = select(known.connectors, args[0]);
  const login = await openConnectorLogin({
    credentials: credentialsOptions(config.stateFolder.value, io.env),
    env: definedVariables(io.env),
    random: chance,
  });
  try {
    return await use({ login, connectors });
  } finally {
    await login.close();
  }
}
