import type { LoadedConfig } from '../config/config.ts';
import { credentialsOptions } from '../config/credentials-options.ts';
import { definedVariables } from '../config/environment.ts';
import { nearest } from '../config/nearest.ts';
import type { ConnectorDefinition } from '../connectors/connector.ts';
import { openConnectorLogin, type ConnectorLogin } from '../service/service.ts';
import { type CommandContext, UsageError } from './command.ts';
import { readConfig } from './open-service.ts';
import { chance } from './registry-location.ts';

/** The login of connectors, with the connectors that the command is about. */
export interface AuthScope {
  readonly login: ConnectorLogin;
  readonly connectors: readonly ConnectorDefinition[];
}

function select(config: LoadedConfig, wanted: string | undefined): readonly ConnectorDefinition[] {
  if (wanted === undefined) return config.connectors;
  const found = config.connectors.filter(({ id, title }) => id === wanted || title === wanted);
  if (found.length > 0) return found.slice(0, 1);
  const meant = nearest(
    wanted,
    config.connectors.map(({ id }) => id),
  );
  const hint = meant === undefined ? `see ${config.configPath}` : `did you mean ${meant}?`;
  throw new UsageError(`there is no connector ${JSON.stringify(wanted)}; ${hint}`);
}

/** Runs `use` with what the configuration says of the connector that is named, or of all. @throws UsageError */
export async function withAuth(
  context: CommandContext,
  use: (scope: AuthScope) => Promise<number>,
): Promise<number> {
  const { io, args } = context;
  const config = await readConfig(context);
  const connectors = select(config, args[0]);
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
