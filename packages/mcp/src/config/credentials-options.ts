import { join } from 'node:path';
import type { Environment } from './environment.ts';
import { readSecretsKey, type SecretsKey } from './secrets-key.ts';

/** Where the credentials of connectors are kept, and what opens them; the key is read when it is first needed. */
export function credentialsOptions(
  stateFolder: string,
  env: Environment,
): { readonly folder: string; readonly key: () => Promise<SecretsKey | undefined> } {
  return { folder: join(stateFolder, 'secrets'), key: async () => await readSecretsKey(env) };
}
