import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mintOperatorToken, OPERATOR_SECRET, type OperatorPort } from './operator-token.ts';

/** What a command of this machine shows a service; undefined while there is nothing to show. */
export type OperatorCredential = (port: OperatorPort) => string | undefined;

/**
 * Reads the secret when it is wanted first, and looks again as long as there is none: the service makes it when it
 * begins to ask for keys, which may be later.
 */
export function createOperatorCredential(stateFolder: string): OperatorCredential {
  let secret: Buffer | undefined;
  return (port) => {
    try {
      const text = secret ?? readFileSync(join(stateFolder, 'secrets', OPERATOR_SECRET), 'utf8');
      secret = typeof text === 'string' ? Buffer.from(text.trim(), 'base64url') : text;
    } catch {
      return undefined; // nobody has to show anything, or it is not for us to read
    }
    return mintOperatorToken(secret, port, Date.now());
  };
}
