import {
  openSecretFolder,
  type RegistryMemoryCache,
  type ServerRecord,
} from '@cortex-os/mcp-registry';
import { originOfRecord, registryEntries, type RegistryEntry } from '../config/registry-entries.ts';
import { nearest } from '../config/nearest.ts';
import { type Command, type CommandContext, UsageError } from './command.ts';
import { EXIT_OK } from './exit-code.ts';
import { printResult } from './print-result.ts';
import { locateRegistry } from './registry-location.ts';
import { orphanedSecrets } from './registry-secrets.ts';
import { safeText } from './terminal-text.ts';

type Entry = RegistryEntry<ServerRecord>;

/** Without a copy of all records: only those of connectors are looked at. */
function entriesOf(cache: RegistryMemoryCache): readonly Entry[] {
  return registryEntries(cache.peekConnectors()).entries;
}

function find(cache: RegistryMemoryCache, wanted: string): Entry | undefined {
  const entries = entriesOf(cache);
  return (
    entries.find(({ id }) => id === wanted) ?? entries.find(({ record }) => record.name === wanted)
  );
}

function required(cache: RegistryMemoryCache, wanted: string): Entry {
  const entry = find(cache, wanted);
  if (entry !== undefined) return entry;
  const meant = nearest(
    wanted,
    entriesOf(cache).map(({ id }) => id),
  );
  const hint = meant === undefined ? 'see cortex-mcp connectors list' : `did you mean ${meant}?`;
  throw new UsageError(
    `the registry has no connector ${JSON.stringify(wanted)}`,
    'CONNECTOR_UNKNOWN',
    hint,
  );
}

/** Published entries stay known when the gateway stops using them; what `connectors add` made goes. */
function isPublished({ server, origin }: ServerRecord): boolean {
  return server !== undefined || origin === 'remote';
}

async function remove(context: CommandContext): Promise<number> {
  const { io, args } = context;
  const [wanted = ''] = args;
  const { client, stateFolder } = locateRegistry(io);
  const { value } = await client.change((cache) => {
    const { id, record } = required(cache, wanted);
    const { connector: _used, ...rest } = record;
    if (isPublished(record)) return { put: [rest], value: { id, orphans: [] } };
    const orphans = orphanedSecrets(cache, [record]);
    // Published versions of the name are not the connector.
    return {
      remove: [{ name: record.name, version: null }],
      value: { id, orphans },
    };
  });
  const folder = openSecretFolder(stateFolder);
  for (const file of value.orphans) await folder.remove(file);
  printResult(context, { action: 'removed', id: value.id }, `removed ${value.id}\n`);
  return EXIT_OK;
}

/** The record to switch: a connector, or any server of that name, which becomes one. */
function switched(cache: RegistryMemoryCache, wanted: string, on: boolean): ServerRecord {
  const entry = find(cache, wanted);
  const record = entry?.record ?? (on ? cache.get(wanted) : undefined);
  if (record === undefined) return required(cache, wanted).record;
  const { enabled: _before, ...rest } = record;
  const connector = record['connector'] ?? {};
  return on ? { ...rest, connector } : { ...rest, connector, enabled: false };
}

async function setEnabled(context: CommandContext, on: boolean): Promise<number> {
  const { io, args } = context;
  const [wanted = ''] = args;
  const { client } = locateRegistry(io);
  const { value: record } = await client.change((cache) => {
    const changed = switched(cache, wanted, on);
    return { put: [changed], value: changed };
  });
  const action = on ? 'enabled' : 'disabled';
  printResult(context, { action, name: record.name }, `${action} ${safeText(wanted)}\n`);
  if (on && originOfRecord(record) === 'remote' && record.transport === 'stdio') {
    io.stderr.write(
      'warning: it came from elsewhere, so its command is not run; add it yourself with connectors add\n',
    );
  }
  return EXIT_OK;
}

const one = {
  argumentsUsage: '<id>',
  minArguments: 1,
  maxArguments: 1,
  options: ['json'],
} as const;

export const connectorsRemoveCommand: Command = {
  ...one,
  name: 'connectors remove',
  summary: 'Take a connector out of the registry',
  details: [
    'The gateway closes it at once. An entry that was imported stays in the registry as data; secrets that',
    'nothing refers to any more are deleted.',
  ],
  example: 'cortex-mcp connectors remove memory',
  run: remove,
};

export const connectorsEnableCommand: Command = {
  ...one,
  name: 'connectors enable',
  argumentsUsage: '<id or name>',
  summary: 'Let the gateway use a server of the registry',
  details: [
    'Also for one that was imported: it then becomes a connector. What came from elsewhere is reached over',
    'https only and never runs a command on this machine.',
  ],
  example: 'cortex-mcp connectors enable io.github.example/weather',
  run: async (context) => await setEnabled(context, true),
};

export const connectorsDisableCommand: Command = {
  ...one,
  name: 'connectors disable',
  summary: 'Keep a connector in the registry without using it',
  details: ['A running gateway closes it at once.'],
  example: 'cortex-mcp connectors disable memory',
  run: async (context) => await setEnabled(context, false),
};
