import type { ProcessStart } from './host-process.ts';

/** What starts the service again when it ends; `hand` is neither of the others. */
export type Supervisor = 'pm2' | 'systemd' | 'hand';

/** The sizes of Node's heap, which are set when a process starts and cannot be a setting of the file. */
const PM2_VARIABLES = {
  'max-old-space-size': 'MCP_HEAP_MB',
  'max-semi-space-size': 'MCP_SEMI_SPACE_MB',
} as const;

/** As the environment of a process tells. */
export function supervisorOf(env: ReadonlyMap<string, string> | undefined): Supervisor {
  if (env === undefined) return 'hand';
  if (env.has('pm_id') || env.has('pm2_env')) return 'pm2';
  return env.has('INVOCATION_ID') ? 'systemd' : 'hand';
}

function isFlag(word: string, flag: string): boolean {
  return word.split('=', 1)[0]?.replaceAll('_', '-') === `--${flag}`;
}

/** A variable of the service, as the line that sets it where the service is started. */
export function variableLine(start: ProcessStart | undefined, name: string, value: string): string {
  const supervisor = supervisorOf(start?.env);
  if (supervisor === 'pm2') return `${name}="${value}" where the daemon of pm2 is started`;
  if (supervisor === 'hand') return `${name}="${value}" cortex-mcp serve`;
  return `Environment="${name}=${value}" in a drop-in of the unit (deploy/systemd/cortex-mcp-memory.conf)`;
}

/** The line that gives the service such a size, in MB, with what its `NODE_OPTIONS` has beside it. */
export function heapFlagLine(
  start: ProcessStart | undefined,
  flag: keyof typeof PM2_VARIABLES,
  sizeMb: number,
): string {
  const wanted = `--${flag}=${sizeMb}`;
  if (supervisorOf(start?.env) === 'pm2') {
    return `${PM2_VARIABLES[flag]}=${sizeMb} pm2 start ecosystem.config.cjs, after pm2 delete cortex-mcp`;
  }
  const argv = start?.argv.slice(1) ?? [];
  const program = argv.findIndex((word) => !word.startsWith('-'));
  const given = argv.slice(0, Math.max(0, program)).find((word) => isFlag(word, flag));
  // Node takes the argument before the variable.
  if (given !== undefined) return `${wanted} in place of ${given} where the service is started`;
  const others = (start?.env?.get('NODE_OPTIONS') ?? '')
    .split(/\s+/)
    .filter((word) => word !== '' && !isFlag(word, flag));
  return variableLine(start, 'NODE_OPTIONS', [...others, wanted].join(' '));
}
