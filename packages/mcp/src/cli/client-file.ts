import { basename, dirname } from 'node:path';
import type { ClientConfigFile, ClientName } from '@cortex-os/mcp-registry';

/** Clients that keep their file in a folder of its own, in a project as in the home folder. */
const FOLDER_CLIENTS: ReadonlyMap<string, ClientName> = new Map([
  ['.cursor', 'cursor'],
  ['.vscode', 'vscode'],
  ['.gemini', 'gemini'],
  ['.codex', 'codex'],
]);

const FILE_CLIENTS: ReadonlyMap<string, ClientName> = new Map([
  ['.claude.json', 'claude-code'],
  ['.mcp.json', 'claude-code'],
  ['claude_desktop_config.json', 'claude-desktop'],
]);

/** A file given by its path, with the project it belongs to when its place says so. */
export function clientFileAt(client: ClientName, file: string): ClientConfigFile {
  const holder = dirname(file);
  const inFolder = FOLDER_CLIENTS.has(basename(holder));
  const isProject = inFolder || basename(file) === '.mcp.json';
  return { client, file, folder: isProject ? (inFolder ? dirname(holder) : holder) : undefined };
}

/** The client whose file a path is, by its name and place, or undefined. */
export function clientOfPath(file: string): ClientName | undefined {
  return FOLDER_CLIENTS.get(basename(dirname(file))) ?? FILE_CLIENTS.get(basename(file));
}
