import { createHash } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { CredentialError } from './credential-error.ts';
import { readPrivateFile, replacePrivateFile, withFileLock } from './private-file.ts';
import { openSecretBox, type SecretBox } from './secret-box.ts';

const methods = ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'] as const;

/** What is kept of one connector at one issuer. */
export interface StoredCredential {
  readonly connectorId: string;
  /** As the issuer calls itself. */
  readonly issuer: string;
  /** Address of the MCP server: a token is for this one. */
  readonly server: string;
  readonly resource: string;
  /** Who it was given to. */
  readonly clientId: string;
  /** Present when the client was registered by us (RFC 7591). */
  readonly registered?:
    | {
        readonly clientId: string;
        readonly clientSecret?: string | undefined;
        readonly method: (typeof methods)[number];
        readonly registeredFor?: string | undefined;
      }
    | undefined;
  readonly accessToken?: string | undefined;
  readonly refreshToken?: string | undefined;
  /** Wall clock, milliseconds. Undefined: until it is refused. */
  readonly expiresAtMs?: number | undefined;
  readonly obtainedAtMs: number;
  readonly scopes: readonly string[];
  /** What the server asked for since, and a login has to ask for. */
  readonly wantedScopes?: readonly string[] | undefined;
}

const recordSchema: z.ZodType<StoredCredential> = z.object({
  connectorId: z.string(),
  issuer: z.string(),
  server: z.string(),
  resource: z.string(),
  clientId: z.string(),
  registered: z
    .object({
      clientId: z.string(),
      clientSecret: z.string().optional(),
      method: z.enum(methods),
      registeredFor: z.string().optional(),
    })
    .optional(),
  accessToken: z.string().optional(),
  refreshToken: z.string().optional(),
  expiresAtMs: z.number().optional(),
  obtainedAtMs: z.number(),
  scopes: z.array(z.string()),
  wantedScopes: z.array(z.string()).optional(),
});

const envelopeSchema = z.object({
  format: z.literal(1),
  connector: z.string(),
  issuer: z.string(),
  server: z.string(),
  sealed: z.string(),
});

export interface LoadedCredentials {
  /** Newest first. */
  readonly records: readonly StoredCredential[];
  /** One line for each file that cannot be used. */
  readonly damaged: readonly string[];
}

/** Credentials towards servers, kept by connector, server and issuer: one of another issuer is never found. */
export interface CredentialStore {
  /** The folder that is watched for changes; undefined when nothing is kept. */
  readonly folder: string | undefined;
  /** Never rejects for what is in a file. @throws CredentialError `AUTH_STORE_KEY` */
  load(connectorId: string): Promise<LoadedCredentials>;
  save(record: StoredCredential): Promise<void>;
  /** @returns how many there were. */
  remove(connectorId: string): Promise<number>;
  /** Holds up other processes that change this connector's credentials. */
  exclusively<T>(connectorId: string, work: () => Promise<T>): Promise<T>;
}

export interface FileCredentialStoreOptions {
  /** `secrets/` of the state folder. */
  readonly folder: string;
  /** Gives the operator's own key, in place of the key file `secrets/credentials.key`. */
  readonly key: () => Promise<{ readonly key: string; readonly name: string } | undefined>;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

const MAX_FILE_BYTES = 262_144;
/** Files of one connector that are looked at: one for each issuer it ever had. */
const MAX_RECORDS = 32;
/** A token request takes 10 s at most. */
const LOCK: { readonly waitMs: number; readonly staleMs: number } = {
  waitMs: 15_000,
  staleMs: 30_000,
};

interface Key {
  readonly connectorId: string;
  readonly issuer: string;
  readonly server: string;
}

function aboutOf({ connectorId, issuer, server }: Key): string {
  return JSON.stringify(['cortex-mcp/credentials/v1', connectorId, issuer, server]);
}

function fileOf(key: Key): string {
  const digest = createHash('sha256').update(aboutOf(key)).digest('hex').slice(0, 16);
  return `${key.connectorId}.${digest}.json`;
}

class FileCredentialStore implements CredentialStore {
  readonly folder: string;
  readonly #options: FileCredentialStoreOptions;
  #box: Promise<SecretBox> | undefined;

  constructor(options: FileCredentialStoreOptions) {
    this.#options = options;
    this.folder = join(options.folder, 'oauth');
  }

  async load(connectorId: string): Promise<LoadedCredentials> {
    const names = await this.#filesOf(connectorId);
    const records: StoredCredential[] = [];
    const damaged: string[] = [];
    for (const name of names) {
      try {
        const record = await this.#read(name, connectorId);
        if (record !== undefined) records.push(record);
      } catch (error) {
        if (error instanceof CredentialError && error.code === 'AUTH_STORE_KEY') throw error;
        const why = error instanceof CredentialError ? error.message : 'it is no such file';
        damaged.push(`${join(this.folder, name)} cannot be used (AUTH_STORE_DAMAGED): ${why}`);
      }
    }
    return { records: records.toSorted((a, b) => b.obtainedAtMs - a.obtainedAtMs), damaged };
  }

  async save(record: StoredCredential): Promise<void> {
    const box = await this.#open();
    const { connectorId, issuer, server } = record;
    const sealed = box.seal(JSON.stringify(record), aboutOf(record));
    const envelope = { format: 1, connector: connectorId, issuer, server, sealed };
    const path = join(this.folder, fileOf(record));
    await replacePrivateFile(path, `${JSON.stringify(envelope)}\n`);
  }

  async remove(connectorId: string): Promise<number> {
    const names = await this.#filesOf(connectorId);
    await Promise.all(
      names.map(async (name) => await rm(join(this.folder, name), { force: true })),
    );
    return names.length;
  }

  async exclusively<T>(connectorId: string, work: () => Promise<T>): Promise<T> {
    const { random } = this.#options;
    const path = join(this.folder, `.${connectorId}.lock`);
    return await withFileLock(path, { ...LOCK, random }, work);
  }

  async #filesOf(connectorId: string): Promise<string[]> {
    try {
      const names = await readdir(this.folder);
      const own = names.filter(
        (name) =>
          name.startsWith(`${connectorId}.`) &&
          /^[0-9a-f]{16}\.json$/.test(name.slice(connectorId.length + 1)),
      );
      return own.toSorted().slice(0, MAX_RECORDS);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
      throw error;
    }
  }

  async #read(name: string, connectorId: string): Promise<StoredCredential | undefined> {
    const file = await readPrivateFile(join(this.folder, name), MAX_FILE_BYTES);
    if (file === undefined) return undefined;
    const { issuer, server, sealed } = envelopeSchema.parse(JSON.parse(file.text));
    const box = await this.#open();
    const text = box.open(sealed, aboutOf({ connectorId, issuer, server }));
    return recordSchema.parse(JSON.parse(text));
  }

  async #open(): Promise<SecretBox> {
    const { folder, key } = this.#options;
    const open = async (): Promise<SecretBox> =>
      await openSecretBox(join(folder, 'credentials.key'), await key());
    this.#box ??= open();
    try {
      return await this.#box;
    } catch (error) {
      // What is wrong with the key may be put right while we run.
      this.#box = undefined;
      throw error;
    }
  }
}

/** Files of mode 0600 under `secrets/oauth/`, each sealed with AES-256-GCM. Nothing is made before something is kept. */
export function createFileCredentialStore(options: FileCredentialStoreOptions): CredentialStore {
  return new FileCredentialStore(options);
}

/** Keeps nothing over the end of the process. */
export function createMemoryCredentialStore(): CredentialStore {
  const records = new Map<string, StoredCredential>();
  return {
    folder: undefined,
    load: async (connectorId) => {
      const own = [...records.values()].filter((one) => one.connectorId === connectorId);
      return await Promise.resolve({ records: own.toReversed(), damaged: [] });
    },
    async save(record) {
      records.delete(aboutOf(record));
      records.set(aboutOf(record), record);
      await Promise.resolve();
    },
    async remove(connectorId) {
      const own = [...records].filter(([, one]) => one.connectorId === connectorId);
      for (const [key] of own) records.delete(key);
      return await Promise.resolve(own.length);
    },
    exclusively: async (_connectorId, work) => await work(),
  };
}
