import process from 'node:process';
import {
  clientTitles,
  type ClientConfigFile,
  findClientConfigs,
  readClientConfig,
  readClientFile,
  redactRecord,
  type ServerRecord,
  type SkippedEntry,
} from '@cortex-os/mcp-registry';
import type { CliIo } from './cli-io.ts';
import { ENTRY_NAME, isOurs } from './connect-entry.ts';

/** Servers that a client on this machine has. */
export interface FoundServers {
  readonly title: string;
  /** The word for `registry import`. */
  readonly client: string;
  readonly file: string;
  /** The project it belongs to; undefined for the user's own file. */
  readonly folder: string | undefined;
  readonly records: readonly ServerRecord[];
  readonly skipped: readonly SkippedEntry[];
}

export interface Findings {
  /** Files with servers in them: the user's, which may be imported as a whole, and those of this folder. */
  readonly own: readonly FoundServers[];
  readonly ofFolder: readonly FoundServers[];
  /** One line for each file that cannot be read. */
  readonly warnings: readonly string[];
}

/** What its client runs or asks, in one line and without secrets. */
export function describeServer(given: ServerRecord): string {
  const { command, args, endpoint } = redactRecord(given);
  return endpoint ?? [command ?? '', ...(args ?? [])].join(' ');
}

/** The port of a gateway that nobody has given another. */
const OWN_PORT = '3024';

/** Entries that start or ask a gateway of ours would make it its own connector; other servers here are none. */
export function leadsHere({ name, command, args, endpoint }: ServerRecord): boolean {
  if (!isOurs({ command, args, endpoint })) return false;
  if (endpoint === undefined) return true;
  return name === ENTRY_NAME || URL.parse(endpoint)?.port === OWN_PORT;
}

async function readOne(one: ClientConfigFile): Promise<FoundServers> {
  const { client, file, folder } = one;
  const text = (await readClientFile(file)) ?? '';
  const { records, skipped } =
    text.trim() === ''
      ? { records: [], skipped: [] }
      : readClientConfig(client, text, { file, folder });
  const others = records.filter((record) => !leadsHere(record));
  return { title: clientTitles[client], client, file, folder, records: others, skipped };
}

/** Looks into the files of the clients that are installed here. Never rejects for one that cannot be read. */
export async function findServers({ home, cwd, env }: CliIo): Promise<Findings> {
  const { platform } = process;
  const files = await findClientConfigs({ platform, home, cwd, variables: env });
  const found: FoundServers[] = [];
  const warnings: string[] = [];
  for (const one of files) {
    try {
      const servers = await readOne(one);
      if (servers.records.length > 0) found.push(servers);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      warnings.push(`${one.file} is left out: ${reason}`);
    }
  }
  const own = found.filter(({ folder }) => folder === undefined);
  return { own, ofFolder: found.filter(({ folder }) => folder !== undefined), warnings };
}
