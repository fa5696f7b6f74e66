import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { CredentialError } from './credential-error.ts';
import { createPrivateFile, readPrivateFile } from './private-file.ts';

/** Closes and opens texts with AES-256-GCM. What a text is about is bound to it, so that none can stand in for another. */
export interface SecretBox {
  seal(text: string, about: string): string;
  /** @throws CredentialError `AUTH_STORE_DAMAGED` */
  open(sealed: string, about: string): string;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const MIN_KEY_CHARS = 32;

/** @param secret of any form, at least 32 characters; the key is derived from it (HKDF, SHA-256). */
export function createSecretBox(secret: string): SecretBox {
  const key = Buffer.from(hkdfSync('sha256', secret, 'cortex-mcp', 'credentials/v1', 32));
  return {
    seal(text, about) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce);
      cipher.setAAD(Buffer.from(about, 'utf8'));
      const data = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), data]).toString('base64url');
    },
    open(sealed, about) {
      const bytes = Buffer.from(sealed, 'base64url');
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES));
        decipher.setAAD(Buffer.from(about, 'utf8'));
        decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
        const data = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES));
        return Buffer.concat([data, decipher.final()]).toString('utf8');
      } catch (cause) {
        const why = 'it was changed, or written with another key';
        throw new CredentialError('AUTH_STORE_DAMAGED', why, { cause });
      }
    },
  };
}

async function readKeyFile(path: string): Promise<string | undefined> {
  const file = await readPrivateFile(path, 4_096);
  if (file === undefined) return undefined;
  if ((file.mode & 0o077) !== 0 && process.platform !== 'win32') {
    const why = `${path} can be read by others: chmod 600 ${path}`;
    throw new CredentialError('AUTH_STORE_KEY', why);
  }
  return file.text.trim();
}

function long(secret: string, where: string): string {
  if (secret.length >= MIN_KEY_CHARS) return secret;
  const why = `${where} is shorter than ${MIN_KEY_CHARS} characters: make one with: openssl rand -base64 32`;
  throw new CredentialError('AUTH_STORE_KEY', why);
}

/**
 * The box of a state folder.
 * @param given the operator's own key; undefined takes the key file, which is made (0600) when there is none.
 * @throws CredentialError `AUTH_STORE_KEY`
 */
export async function openSecretBox(
  keyFile: string,
  given: { readonly key: string; readonly name: string } | undefined,
): Promise<SecretBox> {
  if (given !== undefined) return createSecretBox(long(given.key, given.name));
  const known = await readKeyFile(keyFile);
  if (known !== undefined) return createSecretBox(long(known, keyFile));
  const made = randomBytes(32).toString('base64url');
  if (await createPrivateFile(keyFile, `${made}\n`)) return createSecretBox(made);
  // Another process was faster.
  return createSecretBox(long((await readKeyFile(keyFile)) ?? '', keyFile));
}
