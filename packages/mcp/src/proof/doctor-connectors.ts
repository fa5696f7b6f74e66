import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import type { StdioTransport } from '../connectors/connector.ts';
import { type Check, finding } from './doctor-finding.ts';

export const checkConfig: Check = async ({ config }) => {
  const why = 'A configuration with an error ends the start; what is merely odd is left out.';
  if (config.kind === 'broken') {
    const text = { finding: config.message, why, fix: 'correct the place it names' };
    return [finding('config', 'fail', text)];
  }
  const { warnings, path, connectors, followsMap } = config;
  const problems = connectors.flatMap(({ id, enabled, problem }) =>
    enabled && problem !== undefined ? [`${id}: ${problem}`] : [],
  );
  const said = [...warnings, ...problems];
  const place = (await isThere(path)) ? path : 'no configuration file';
  const text = { finding: [`${place}: ${connectors.length} connectors`, ...said].join('; '), why };
  if (said.length > 0) {
    const fix = 'correct what it names; cortex-mcp config show says where each value comes from';
    return [finding('config', 'warn', { ...text, fix })];
  }
  const isFirstStart = connectors.length === 0 && !followsMap;
  return [finding('config', isFirstStart ? 'info' : 'ok', { ...text, fix: FIRST_STEPS })];
};

/** What to do where nothing is configured yet. */
const FIRST_STEPS =
  'cortex-mcp registry import shows what the clients here have, cortex-mcp connectors add adds one';

async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false; // not there, or not to be run by this user
  }
}

/** Whether a command can be started as the gateway would start it. */
async function isFound(transport: StdioTransport, path: string): Promise<boolean> {
  const { command, cwd, env } = transport;
  if (isAbsolute(command)) return await isProgram(command);
  if (command.includes('/')) return await isProgram(resolve(cwd ?? '/', command));
  const folders = (env['PATH'] ?? path).split(delimiter).filter((folder) => folder !== '');
  const found = await Promise.all(
    folders.map(async (folder) => await isProgram(join(folder, command))),
  );
  return found.includes(true);
}

export const checkCommands: Check = async ({ config, env, start, platform }) => {
  const why = 'A service has another PATH than a terminal; what it does not find it cannot start.';
  if (config.kind === 'broken') {
    const text = { finding: 'the configuration does not say which', why };
    return [finding('commands', 'unknown', text)];
  }
  const commands = config.connectors.flatMap(({ id, enabled, transport }) =>
    enabled && transport?.kind === 'stdio' ? [{ id, transport }] : [],
  );
  if (platform === 'win32') {
    return [finding('commands', 'unknown', { finding: `${commands.length} commands`, why })];
  }
  const path = start?.env?.get('PATH') ?? env['PATH'] ?? '';
  const missing: string[] = [];
  for (const { id, transport } of commands) {
    if (!(await isFound(transport, path))) missing.push(`${id}: ${transport.command}`);
  }
  return [
    finding('commands', missing.length === 0 ? 'ok' : 'fail', {
      finding:
        missing.length === 0
          ? `${commands.length} commands found`
          : `not found: ${missing.join(', ')}`,
      why,
      fix: 'install them, write their full paths, or add their folder to PATH of the service',
    }),
  ];
};
