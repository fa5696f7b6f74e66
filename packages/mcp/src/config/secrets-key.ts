import { ConfigError } from './config-error.ts';
import { readBounded } from './config-document.ts';
import { type Environment, readVariable } from './environment.ts';

/** The operator's own key of the credentials that are kept. */
export interface SecretsKey {
  readonly key: string;
  /** What gave it, for messages. */
  readonly name: string;
}

const MAX_BYTES = 4_096;

/**
 * `MCP_SECRETS_KEY`, or the text of the file that `MCP_SECRETS_KEY_FILE` names. Undefined: the state folder's own.
 * @throws ConfigError when the file cannot be read.
 */
export async function readSecretsKey(env: Environment): Promise<SecretsKey | undefined> {
  const key = readVariable(env, 'MCP_SECRETS_KEY');
  if (key !== undefined) return { key, name: 'MCP_SECRETS_KEY' };
  const path = readVariable(env, 'MCP_SECRETS_KEY_FILE');
  if (path === undefined) return undefined;
  try {
    return { key: (await readBounded(path, MAX_BYTES)).trim(), name: 'MCP_SECRETS_KEY_FILE' };
  } catch {
    const place = { path: 'MCP_SECRETS_KEY_FILE' };
    throw new ConfigError('CONFIG_BAD_VALUE', `${path} cannot be read`, 'name a file', place);
  }
}
