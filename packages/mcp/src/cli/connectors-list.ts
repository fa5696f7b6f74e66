import { redactRecord, type ServerRecord } from '@cortex-os/mcp-registry';
import { ConfigError } from '../config/config-error.ts';
import { loadConfig } from '../config/config.ts';
import { registryEntries, originOfRecord, type RegistryEntry } from '../config/registry-entries.ts';
import type { ReadConnector } from '../proof/service-reading.ts';
import type { Command, CommandContext } from './command.ts';
import { EXIT_OK } from './exit-code.ts';
import { locateRegistry } from './registry-location.ts';
import { openRunningService } from './running-service.ts';
import { type Cell, type Colour, createPaint, formatMs, safeText, table } from './terminal-text.ts';

/** How a running gateway fares with a connector. */
interface ShownStatus {
  /** `connecting` while nothing is known of it and an attempt is under way. */
  readonly state: string;
  /** The step under way, or the last one tried. */
  readonly phase: string;
  /** How long the attempt under way has taken, in milliseconds. */
  readonly busyMs?: number | undefined;
  /** Why the last attempt failed. */
  readonly failure?: { readonly phase: string; readonly code: string } | undefined;
}

/** One connector as `--json` prints it. */
interface ConnectorRow {
  readonly id: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly origin: 'local' | 'remote';
  readonly transport: string;
  readonly target: string;
  /** Only while a gateway runs that uses it. */
  readonly status?: ShownStatus;
}

function rowOf(
  { id, record }: RegistryEntry<ServerRecord>,
  status: ShownStatus | undefined,
): ConnectorRow {
  const { name, enabled, transport, command = '', args = [], endpoint } = redactRecord(record);
  return {
    id,
    name,
    enabled: enabled !== false,
    origin: originOfRecord(record),
    transport,
    target: endpoint ?? [command, ...args].join(' '),
    ...(status !== undefined && { status }),
  };
}

function shownStatus({ state, phase, busyMs, failure }: ReadConnector): ShownStatus {
  // Without a failure the first attempt is still to come; PENDING is the one under way.
  const isConnecting =
    state === 'unavailable' && (failure === undefined || failure.code === 'PENDING');
  return {
    state: isConnecting ? 'connecting' : state,
    phase,
    ...(busyMs !== undefined && { busyMs }),
    ...(failure !== undefined && !isConnecting && { failure }),
  };
}

/** What the running gateway says of its connectors, those of its configuration file aside; none without one. */
async function statuses({ io, flags }: CommandContext): Promise<ReadonlyMap<string, ShownStatus>> {
  try {
    const { env, cwd, home } = io;
    const config = await loadConfig({ flags, env, cwd, home, orEmpty: true });
    const own = new Set(config.connectors.map(({ id }) => id));
    const service = await openRunningService(io, config, undefined);
    try {
      const { connectors } = await service.read();
      const others = connectors.filter(({ id }) => !own.has(id));
      return new Map(others.map((one) => [one.id, shownStatus(one)]));
    } catch {
      return new Map(); // none runs, or it is not for us to ask
    } finally {
      await service.close();
    }
  } catch (error) {
    if (error instanceof ConfigError) return new Map(); // no gateway runs with such a file
    throw error;
  }
}

const COLOURS: Readonly<Record<string, Colour>> = {
  enabled: 'green',
  fresh: 'green',
  stale: 'yellow',
  unavailable: 'red',
  connecting: 'cyan',
};

function stateCell({ enabled, status }: ConnectorRow): Cell {
  const state = enabled ? (status?.state ?? 'enabled') : 'disabled';
  const { phase, busyMs, failure } = status ?? {};
  const notes =
    state === 'connecting' && busyMs !== undefined
      ? ` (${phase}, ${formatMs(busyMs)})`
      : failure === undefined || !enabled
        ? ''
        : ` (${failure.phase}: ${failure.code})`;
  return { text: safeText(state + notes), colour: COLOURS[state] ?? 'dim' };
}

async function list(context: CommandContext): Promise<number> {
  const { io, json } = context;
  const found = await locateRegistry(io).client.read((cache) => [
    ...registryEntries(cache.peekConnectors()).entries,
  ]);
  const known = found.length === 0 ? new Map<string, ShownStatus>() : await statuses(context);
  const rows = found.map((entry) => rowOf(entry, known.get(entry.id)));
  if (json) {
    io.stdout.write(`${JSON.stringify(rows, undefined, 2)}\n`);
    return EXIT_OK;
  }
  if (rows.length === 0) {
    io.stdout.write('no connectors in the registry; add one with: cortex-mcp connectors add\n');
    return EXIT_OK;
  }
  const cells = rows.map((row): Cell[] => [
    { text: row.id },
    stateCell(row),
    { text: row.transport },
    { text: row.origin },
    { text: safeText(row.target) },
  ]);
  const style = { paint: createPaint(io), columns: io.columns };
  io.stdout.write(table(['CONNECTOR', 'STATE', 'TYPE', 'ORIGIN', ''], cells, style));
  return EXIT_OK;
}

/** `cortex-mcp connectors list`: what the registry has, and how a running gateway fares with it. */
export const connectorsListCommand: Command = {
  name: 'connectors list',
  argumentsUsage: '',
  minArguments: 0,
  maxArguments: 0,
  options: ['config', 'port', 'host', 'json'],
  summary: 'List the connectors of the registry',
  details: [
    'While a gateway runs, with their state there: for one that is connecting the phase and how long it takes, for',
    'one that is unavailable the phase and code of its failure. Secrets are not shown. Those of the configuration',
    'file: cortex-mcp config show.',
  ],
  example: 'cortex-mcp connectors list --json',
  run: list,
};
