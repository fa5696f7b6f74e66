import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClientName } from './client.ts';

/** What decides where clients keep their files. */
export interface ClientEnvironment {
  readonly platform: NodeJS.Platform;
  readonly home: string;
  /** The project folder that is looked into. */
  readonly cwd: string;
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/** One file of a client. */
export interface ClientConfigFile {
  readonly client: ClientName;
  readonly file: string;
  /** The project it belongs to; `undefined` for the user's own file. */
  readonly folder: string | undefined;
}

function applicationFolder({ platform, home, variables }: ClientEnvironment): string {
  if (platform === 'darwin') return join(home, 'Library', 'Application Support');
  if (platform === 'win32') {
    const { APPDATA: roaming } = variables;
    return roaming ? roaming : join(home, 'AppData', 'Roaming');
  }
  const { XDG_CONFIG_HOME: xdg } = variables;
  return xdg ? xdg : join(home, '.config');
}

function user(client: ClientName, file: string): ClientConfigFile {
  return { client, file, folder: undefined };
}

/** Where each client keeps its servers, whether there is a file or not: the user's file first, then the project's. */
export function clientConfigFiles(environment: ClientEnvironment): ClientConfigFile[] {
  const { home, cwd, variables } = environment;
  const applications = applicationFolder(environment);
  const { CLAUDE_CONFIG_DIR: claude, CODEX_HOME: codex } = variables;
  const project = (client: ClientName, ...path: string[]) => ({
    client,
    file: join(cwd, ...path),
    folder: cwd,
  });
  return [
    user('claude-desktop', join(applications, 'Claude', 'claude_desktop_config.json')),
    user('claude-code', join(claude ? claude : home, '.claude.json')),
    project('claude-code', '.mcp.json'),
    user('cursor', join(home, '.cursor', 'mcp.json')),
    project('cursor', '.cursor', 'mcp.json'),
    user('vscode', join(applications, 'Code', 'User', 'mcp.json')),
    project('vscode', '.vscode', 'mcp.json'),
    user('gemini', join(home, '.gemini', 'settings.json')),
    project('gemini', '.gemini', 'settings.json'),
    user('codex', join(codex ? codex : join(home, '.codex'), 'config.toml')),
    project('codex', '.codex', 'config.toml'),
  ];
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    // Not there, or hidden from us: there is nothing to import either way.
    return false;
  }
}

/** The files of {@link clientConfigFiles} that are there. With `cwd` the home folder, no file is named twice. */
export async function findClientConfigs(
  environment: ClientEnvironment,
): Promise<ClientConfigFile[]> {
  const found: ClientConfigFile[] = [];
  for (const one of clientConfigFiles(environment)) {
    const isNew = found.every(({ file }) => file !== one.file);
    if (isNew && (await isFile(one.file))) found.push(one);
  }
  return found;
}
