import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RegistryMemoryCache } from '../../src/memory-cache.ts';
import { applyImport, undoImport } from '../../src/sources/apply-import.ts';
import type { ClientName } from '../../src/sources/client.ts';
import { planImport, type PlanOptions } from '../../src/sources/import-plan.ts';
import { readClientConfig } from '../../src/sources/read-client-config.ts';
import { openSecretFolder } from '../../src/sources/secret-folder.ts';
import { openCache } from './open-cache.ts';
import { tempFolder } from './temp-folder.ts';

/** A registry in a folder of its own, and imports of a client's file into it. */
export async function importPlace() {
  const stateFolder = tempFolder();
  const { cache } = await openCache({ path: join(stateFolder, 'servers.json') });
  const secrets = openSecretFolder(stateFolder);
  const plan = async (
    servers: unknown,
    options: Partial<PlanOptions & { client: ClientName; file: string; inputs: unknown }> = {},
  ) => {
    const { client = 'cursor', file = '/home/me/.cursor/mcp.json', inputs = [], ...more } = options;
    const key = client === 'vscode' ? 'servers' : 'mcpServers';
    const reading = readClientConfig(client, JSON.stringify({ inputs, [key]: servers }), { file });
    return planImport(reading, cache, { secrets, ...more });
  };
  const run = async (servers: unknown, options: Parameters<typeof plan>[1] = {}) => {
    const made = await plan(servers, options);
    await applyImport(made, { target: cache, stateFolder, now: () => new Date() });
    return made.rows;
  };
  const undo = async () => undoImport({ target: cache, stateFolder });
  return { stateFolder, cache, secrets, plan, run, undo };
}

/** Every file under a folder and its text. */
export function filesIn(folder: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const name of readdirSync(folder, { recursive: true, withFileTypes: true }))
    if (name.isFile()) {
      const path = join(name.parentPath, name.name);
      files[path] = readFileSync(path, 'utf8');
    }
  return files;
}

/** All records, in order of their names. */
export function everything(cache: RegistryMemoryCache): unknown[] {
  return cache.getAll().toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Secrets in every place a program has. */
export const github = {
  command: 'npx',
  args: [
    '-y',
    'server-github',
    '--log-token=s3cret-arg',
    'https://u:s3cret-pw@h.test/?key=s3cret-q',
  ],
  env: {
    GITHUB_TOKEN: 's3cret-env',
    MODE: 'fast',
    FROM_ENV: '${GITHUB_TOKEN}',
    COLD: 'ghp_s3cretLooksLikeOne1',
  },
};
/** Secrets in every place an address has. */
export const web = {
  url: 'https://w.test/hook/a8Fk29dLq03mZx81bVt5Rw2s/mcp?api_key=s3cret-url',
  headers: { Authorization: 'Bearer s3cret-header', Accept: 'text/plain' },
  oauth: { clientSecret: 's3cret-oauth', scope: 'all' },
};
