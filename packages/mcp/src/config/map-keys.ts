import { createPublicKey } from 'node:crypto';
import {
  ed25519SignKey,
  ed25519VerifyKey,
  hmacKey,
  SignatureKeyError,
  type SignatureSignKey,
  type SignatureVerifyKey,
} from '../connectors/map/signature-keys.ts';
import { readBounded } from './config-document.ts';
import { ConfigError } from './config-error.ts';
import { type Environment, readVariable } from './environment.ts';

/** The variables that hold what verifies maps, current key first. */
export const SIGNATURE_KEY_VARIABLES = [
  'CONNECTORS_SIGNATURE_KEY',
  'CONNECTORS_SIGNATURE_KEY_PREVIOUS',
] as const;

const MAX_KEY_BYTES = 65_536;

/** PEM says by itself what it is; everything else is a shared secret. */
function isPem(text: string): boolean {
  return text.startsWith('-----BEGIN ');
}

/** Key material from a file, without the line break at its end. @throws ConfigError naming file and origin. */
export async function readKeyFile(path: string, origin: string): Promise<string> {
  try {
    return (await readBounded(path, MAX_KEY_BYTES)).trim();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const what = `the key file cannot be read (${reason})`;
    const remedy = 'give a file that this user may read';
    throw new ConfigError('CONFIG_UNREADABLE', what, remedy, { file: path, path: origin, cause });
  }
}

/** Turns errors of key material, which never hold it, into errors of the configuration. */
function named<T>(origin: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof SignatureKeyError)) throw cause;
    const remedy = 'give a secret, or an Ed25519 key as PEM';
    throw new ConfigError('CONFIG_BAD_VALUE', cause.message, remedy, { path: origin, cause });
  }
}

/** What verifies: an Ed25519 key from PEM (of a private key, its public half), else a shared secret. */
export function verifyKeyOf(text: string, origin: string): SignatureVerifyKey {
  return named(origin, () => {
    if (!isPem(text)) return hmacKey(text);
    return text.includes('PRIVATE KEY')
      ? ed25519VerifyKey(createPublicKey(ed25519SignKey(text).privateKey))
      : ed25519VerifyKey(text);
  });
}

/** What signs: an Ed25519 private key from PEM, else a shared secret. */
export function signKeyOf(text: string, origin: string): SignatureSignKey {
  return named(origin, () => (isPem(text) ? ed25519SignKey(text) : hmacKey(text)));
}

/** The text of a key variable, read from the file it names by `file:/path`. */
export async function readKeyVariable(
  env: Environment,
  variable: string,
): Promise<string | undefined> {
  const value = readVariable(env, variable);
  const path = /^file:(.+)$/s.exec(value ?? '')?.[1];
  return path === undefined ? value : await readKeyFile(path, variable);
}

/** The keys of `CONNECTORS_SIGNATURE_KEY` and `CONNECTORS_SIGNATURE_KEY_PREVIOUS`, as far as they are set. */
export async function environmentKeys(env: Environment): Promise<SignatureVerifyKey[]> {
  const keys: SignatureVerifyKey[] = [];
  for (const variable of SIGNATURE_KEY_VARIABLES) {
    const text = await readKeyVariable(env, variable);
    if (text !== undefined) keys.push(verifyKeyOf(text, variable));
  }
  return keys;
}
