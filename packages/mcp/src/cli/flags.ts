import { FLAG_NAMES } from '../config/config-schema.ts';
import { FLAG_TABLE } from '../config/flag-table.ts';
import type { FeatureFlags } from '../config/flags.ts';
import { describeOrigin } from '../config/setting.ts';
import type { Command, CommandContext } from './command.ts';
import { EXIT_OK } from './exit-code.ts';
import { readConfig } from './open-service.ts';
import { createPaint, table } from './terminal-text.ts';

/** One line of `cortex-mcp flags`. */
interface FlagRow {
  readonly flag: string;
  readonly value: boolean | number | string;
  /** Where the value comes from. */
  readonly origin: string;
  readonly default: boolean | number | string;
  /** What the value other than the default does. */
  readonly off: string;
}

function flagRows(flags: FeatureFlags): readonly FlagRow[] {
  const rows = FLAG_NAMES.map((flag): FlagRow => {
    const { value, origin } = flags[flag];
    const { standard, rollback } = FLAG_TABLE[flag];
    return { flag, value, origin: describeOrigin(origin), default: standard, off: rollback };
  });
  const { MCP_ROLLOUT_PERCENT: percent, MCP_INSTANCE_ID: instance } = flags;
  rows.push(
    {
      flag: 'MCP_ROLLOUT_PERCENT',
      value: percent.value,
      origin: describeOrigin(percent.origin),
      default: 100,
      off: 'less: instances outside the cohort run with MCP_CONNECTOR_REFRESH_SYNC=true',
    },
    {
      flag: 'MCP_INSTANCE_ID',
      value: instance.value,
      origin: describeOrigin(instance.origin),
      default: 'host name',
      off: 'places this instance inside or outside the cohort',
    },
  );
  return rows;
}

async function showFlags(context: CommandContext): Promise<number> {
  const { io } = context;
  const rows = flagRows((await readConfig(context, true)).flags);
  if (context.json) {
    io.stdout.write(`${JSON.stringify(rows, undefined, 2)}\n`);
    return EXIT_OK;
  }
  const cells = rows.map(({ flag, value, origin, default: standard, off }) => [
    { text: flag },
    { text: String(value), colour: value === standard ? undefined : ('yellow' as const) },
    { text: origin, colour: origin === 'default' ? ('dim' as const) : ('cyan' as const) },
    { text: String(standard) },
    { text: off },
  ]);
  const headings = ['FLAG', 'VALUE', 'FROM', 'DEFAULT', 'THE OTHER VALUE'];
  io.stdout.write(table(headings, cells, { paint: createPaint(io), columns: io.columns }));
  return EXIT_OK;
}

export const flagsCommand: Command = {
  name: 'flags',
  argumentsUsage: '',
  minArguments: 0,
  maxArguments: 0,
  options: ['config', 'json'],
  summary: 'Show the rollback flags and where each value comes from',
  details: [
    'Set a flag by its name in the environment or under "flags" of the file, then restart. The rollout',
    'cohort is decided by a hash of MCP_INSTANCE_ID: the same instance is always in or out at a percentage.',
  ],
  example: 'MCP_CONNECTOR_REFRESH_SYNC=true cortex-mcp flags',
  run: showFlags,
};
