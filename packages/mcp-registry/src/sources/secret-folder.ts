import { randomBytes } from 'node:crypto';
import { chmod, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServerRecord } from '../server-record.ts';
import { unlessMissing } from '../store/file-system.ts';
import { createPrivateFile, makePrivateFolder, readTextFile } from './private-file.ts';
import { SourceError } from './source-error.ts';

/** The longest secret that is moved into a file of its own. */
export const maxSecretBytes = 65_536;

const fileName = /^[\w-][\w.-]{0,127}$/u;
const referenceIn = /file:secrets\/([\w-][\w.-]{0,127})(?![\w.-])/gu;

/** The folder `secrets/` of the state folder: one secret a file, mode 0600. A file is never overwritten. */
export interface SecretFolder {
  /** A new file name that tells people what the secret is for. */
  name(recordName: string, label: string): string;
  /** @throws SourceError `ETOOLARGE`, or what the file system reports. */
  create(name: string, value: string): Promise<void>;
  /** `undefined` when there is no such file. */
  read(name: string): Promise<string | undefined>;
  remove(name: string): Promise<void>;
  /** The names of all files. */
  list(): Promise<string[]>;
}

/** How a record refers to a secret: `file:secrets/x`, or `${file:secrets/x}` inside a longer text. */
export function secretReference(name: string, embedded: boolean): string {
  return embedded ? `\${file:secrets/${name}}` : `file:secrets/${name}`;
}

/** The file that a text as a whole refers to. */
export function secretFileOf(text: string): string | undefined {
  return /^(?:file:secrets\/([\w-][\w.-]{0,127})|\$\{file:secrets\/([\w-][\w.-]{0,127})\})$/u
    .exec(text)
    ?.slice(1)
    .find((name) => name !== undefined);
}

/** The secret files that a record refers to. */
export function secretFilesOf(record: ServerRecord): string[] {
  const names: string[] = [];
  for (const match of JSON.stringify(record).matchAll(referenceIn)) names.push(match[1] ?? '');
  return names;
}

const embedded = /\$\{file:secrets\/([\w-][\w.-]{0,127})\}/gu;

/**
 * A copy of a record with the secrets that stand inside its arguments and address, where nothing later could put
 * them; the result must not be stored or shown. Variables and headers keep their references, which are resolved when
 * a connector connects. Remote records are given back as they are: one that names a file is somebody else asking for
 * it. A reference without a file stays.
 */
export async function withEmbeddedSecrets(
  record: ServerRecord,
  folder: Pick<SecretFolder, 'read'>,
): Promise<ServerRecord> {
  const { args, endpoint } = record;
  if ((record.origin ?? (record.server ? 'remote' : 'local')) === 'remote') return record;
  const values = new Map<string, string>();
  for (const match of JSON.stringify([args, endpoint]).matchAll(embedded)) {
    const [, name = ''] = match;
    const value = await folder.read(name);
    if (value !== undefined) values.set(name, value);
  }
  if (values.size === 0) return record;
  const resolve = (text: string): string =>
    text.replaceAll(embedded, (whole, name: string) => values.get(name) ?? whole);
  return {
    ...record,
    ...(args && { args: args.map(resolve) }),
    ...(endpoint !== undefined && { endpoint: resolve(endpoint) }),
  };
}

function slug(text: string): string {
  const plain = text.normalize('NFKD').replaceAll(/[^A-Za-z0-9]+/gu, '-');
  return plain
    .replaceAll(/^-+|-+$/gu, '')
    .slice(0, 40)
    .toLowerCase();
}

/** Opens `secrets/` of a state folder; it is made, mode 0700, when the first secret is written. */
export function openSecretFolder(stateFolder: string): SecretFolder {
  const folder = join(stateFolder, 'secrets');
  const pathOf = (name: string): string => {
    if (!fileName.test(name)) throw new SourceError('EREFUSED', 'not the name of a secret file');
    return join(folder, name);
  };
  return {
    name: (recordName, label) =>
      [slug(recordName), slug(label), randomBytes(4).toString('hex')]
        .filter((part) => part !== '')
        .join('.'),
    create: async (name, value) => {
      if (Buffer.byteLength(value) > maxSecretBytes)
        throw new SourceError('ETOOLARGE', `a secret is larger than ${maxSecretBytes} bytes`);
      await makePrivateFolder(folder);
      await chmod(folder, 0o700);
      // Readers take one line break off the end, so one is put there.
      await createPrivateFile(pathOf(name), `${value}\n`);
    },
    read: async (name) => {
      const text = await readTextFile(pathOf(name), maxSecretBytes + 1);
      return text?.replace(/\r?\n$/u, '');
    },
    remove: async (name) => {
      await unlessMissing(unlink(pathOf(name)));
    },
    list: async () => (await unlessMissing(readdir(folder))) ?? [],
  };
}
