import { existsSync } from 'node:fs';
import { shownAccessSettings } from '../config/access-settings.ts';
import type { LoadedConfig } from '../config/config.ts';
import { describeMemory } from '../config/entry-memory.ts';
import { redactConnector } from '../config/redact-connector.ts';
import { shownRegistrySettings } from '../config/registry-settings.ts';
import { describeOrigin } from '../config/setting.ts';
import type { ConnectorDefinition } from '../connectors/connector.ts';
import type { Command, CommandContext } from './command.ts';
import { EXIT_OK } from './exit-code.ts';
import { readConfig } from './open-service.ts';
import { type Cell, createPaint, safeText, table } from './terminal-text.ts';

function describeTarget(definition: ConnectorDefinition): string {
  const { transport } = definition;
  if (definition.problem !== undefined) return definition.problem;
  if (transport === undefined) return '-';
  if (transport.kind === 'in-process') return transport.server;
  if (transport.kind === 'http' || transport.kind === 'sse') {
    const headers = Object.keys({ ...transport.headers, ...transport.lateHeaders });
    return [transport.url, ...headers.map((name) => `${name}: [redacted]`)].join(' ');
  }
  const env = Object.keys({ ...transport.env, ...transport.lateEnv }).map(
    (name) => `${name}=[redacted]`,
  );
  const memory = definition.memory && `(${describeMemory(definition.memory)})`;
  const words = [...env, transport.command, ...transport.args, memory];
  return words.filter((word) => word !== undefined).join(' ');
}

function connectorRow(definition: ConnectorDefinition): Cell[] {
  const broken = definition.problem !== undefined;
  const state = broken ? 'unavailable' : 'enabled';
  return [
    { text: definition.id },
    {
      text: definition.enabled ? state : 'disabled',
      colour: definition.enabled ? (broken ? 'red' : 'green') : 'dim',
    },
    { text: definition.transport?.kind ?? '-' },
    { text: definition.era },
    { text: safeText(describeTarget(definition)) },
  ];
}

function settingRows(config: LoadedConfig): Cell[][] {
  const { serviceMap, stateFolder } = config;
  const map = serviceMap && { value: serviceMap.shown, origin: serviceMap.origin };
  const all = {
    ...config.settings,
    ...config.flags,
    ...shownRegistrySettings(config.registry),
    ...shownAccessSettings(config.access),
    ...config.oversight,
    stateFolder,
    ...(map && { serviceMap: map }),
  };
  return Object.entries(all).map(([name, { value, origin }]) => [
    { text: name },
    { text: String(value) },
    { text: describeOrigin(origin), colour: origin.kind === 'default' ? 'dim' : 'cyan' },
  ]);
}

async function configShow(context: CommandContext): Promise<number> {
  const { io } = context;
  const config = await readConfig(context, true);
  const connectors = config.connectors.map((definition) => redactConnector(definition));
  if (context.json) {
    io.stdout.write(`${JSON.stringify({ ...config, connectors }, undefined, 2)}\n`);
    return EXIT_OK;
  }
  const style = { paint: createPaint(io), columns: io.columns };
  const absent = existsSync(config.configPath) ? '' : ', which is not there';
  io.stdout.write(
    `File: ${config.configPath} (${describeOrigin(config.configOrigin)}${absent})\n\n`,
  );
  io.stdout.write(table(['SETTING', 'VALUE', 'FROM'], settingRows(config), style));
  const headings = ['CONNECTOR', 'STATE', 'TYPE', 'ERA', ''];
  io.stdout.write(`\n${table(headings, connectors.map(connectorRow), style)}`);
  return EXIT_OK;
}

export const configShowCommand: Command = {
  name: 'config show',
  argumentsUsage: '',
  minArguments: 0,
  maxArguments: 0,
  options: ['config', 'port', 'host', 'json'],
  summary: 'Show the configuration and where each value comes from',
  details: [
    'Values of env and headers, and the user info and query of URLs, are shown as [redacted].',
    'Warnings go to stderr.',
  ],
  example: 'MCP_PORT=4000 cortex-mcp config show',
  run: configShow,
};
