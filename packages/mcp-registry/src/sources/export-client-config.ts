import type { ServerRecord } from '../server-record.ts';
import type { ExportClientName } from './client.ts';
import { exportEntry, type ExportedEntry } from './export-entry.ts';
import type { SkippedEntry } from './read-client-config.ts';

/** What a client is given. */
export interface ClientExport {
  readonly client: ExportClientName;
  /** The whole file. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly entries: readonly ExportedEntry[];
  /** Records the client cannot have, and why. */
  readonly skipped: readonly SkippedEntry[];
}

/** Choices of {@link exportClientConfig}. */
export interface ExportOptions {
  /** Whether entries of Claude Code projects go under `projects`, as in `~/.claude.json`. Default: true. */
  readonly projects?: boolean | undefined;
}

/** The name of the member that holds the servers. */
export function serversKey(client: ExportClientName): 'servers' | 'mcpServers' {
  return client === 'vscode' ? 'servers' : 'mcpServers';
}

/** Where in a client's file an entry stands. */
export function entryPath(client: ExportClientName, entry: ExportedEntry): string[] {
  const path = [serversKey(client), entry.name];
  return entry.project === undefined ? path : ['projects', entry.project, ...path];
}

function pathKey(client: ExportClientName, entry: ExportedEntry): string {
  return JSON.stringify(entryPath(client, entry));
}

function mapOf(entries: readonly ExportedEntry[]): Record<string, unknown> {
  // Built from entries because a server may be called `__proto__`.
  return Object.fromEntries(entries.map(({ name, value }) => [name, value]));
}

function configOf(
  client: ExportClientName,
  entries: readonly ExportedEntry[],
): Record<string, unknown> {
  const inputs = new Map(
    entries.flatMap((entry) => entry.inputs.map((input) => [input['id'], input] as const)),
  );
  const projects = [...new Set(entries.flatMap(({ project }) => project ?? []))];
  const ofProjects = projects.map((project): [string, unknown] => [
    project,
    { mcpServers: mapOf(entries.filter((entry) => entry.project === project)) },
  ]);
  return {
    ...(inputs.size > 0 && { inputs: [...inputs.values()] }),
    [serversKey(client)]: mapOf(entries.filter(({ project }) => project === undefined)),
    ...(ofProjects.length > 0 && { projects: Object.fromEntries(ofProjects) }),
  };
}

/**
 * The configuration of a client for records. Secrets are never written: variables stand in their place and are named
 * with each entry. Records that came from the same client are given back as they were read.
 */
export function exportClientConfig(
  records: readonly ServerRecord[],
  client: ExportClientName,
  options: ExportOptions = {},
): ClientExport {
  const entries: ExportedEntry[] = [];
  const skipped: SkippedEntry[] = [];
  const taken = new Set<string>();
  for (const record of records) {
    const exported = exportEntry(record, client);
    if (exported.kind === 'skipped') {
      skipped.push({ name: record.name, reason: exported.reason });
      continue;
    }
    const entry =
      options.projects === false
        ? { ...exported.entry, project: undefined, name: record.name }
        : exported.entry;
    const key = pathKey(client, entry);
    if (taken.has(key)) {
      skipped.push({ name: record.name, reason: 'another server has its name in the file' });
      continue;
    }
    taken.add(key);
    entries.push(entry);
  }
  return { client, config: configOf(client, entries), entries, skipped };
}
