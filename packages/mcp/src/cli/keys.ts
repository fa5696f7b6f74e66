import { readKeys, type KeyRecord } from '../auth/keys-file.ts';
import { readUsedKeys } from '../auth/used-keys.ts';
import { stateFolder } from '../config/locate-config.ts';
import { UsageError, type Command, type CommandContext } from './command.ts';
import { EXIT_OK } from './exit-code.ts';
import { createPaint, safeText, table, type Cell } from './terminal-text.ts';

/** Where the keys are that a command means. */
export function keysFolder({ io }: Pick<CommandContext, 'io'>): string {
  return stateFolder({ flag: undefined, ...io }).value;
}

const UNITS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `90d`, `12h`, `0`. @throws UsageError */
export function readDuration(text: string, option: string): number {
  const [, count = '', unit = ''] = /^(\d{1,6})([smhd]?)$/.exec(text) ?? [];
  const factor = UNITS[unit];
  if (count === '' || (factor === undefined && Number(count) !== 0)) {
    throw new UsageError(`--${option} ${JSON.stringify(text)} is no time such as 90d, 12h or 0`);
  }
  return Number(count) * (factor ?? 0);
}

/** What a key is now. */
export function stateOfKey({ revokedAt, expiresAt }: KeyRecord, nowMs: number): string {
  if (revokedAt !== undefined) return 'revoked';
  return expiresAt !== undefined && Date.parse(expiresAt) <= nowMs ? 'expired' : 'active';
}

/** A key as `--json` prints it: without its digests. */
export function shownKey(
  record: KeyRecord,
  lastUsedAt?: string,
): Readonly<Record<string, unknown>> {
  const { secrets, ...rest } = record;
  const nowMs = Date.now();
  const good = secrets.filter(({ expiresAt }) => !(Date.parse(expiresAt ?? '') <= nowMs));
  return {
    ...rest,
    state: stateOfKey(record, nowMs),
    secrets: good.length,
    ...(lastUsedAt !== undefined && { lastUsedAt }),
  };
}

function ruleText(record: KeyRecord): string {
  const parts: string[] = [];
  for (const name of ['connectors', 'tools', 'prompts', 'resources'] as const) {
    const { allow, deny = [] } = record[name] ?? {};
    if (allow !== undefined) parts.push(`${name}: ${allow.join(' ')}`);
    if (deny.length > 0) parts.push(`${name} not: ${deny.join(' ')}`);
  }
  return parts.length === 0 ? 'everything' : parts.join('; ');
}

async function list(context: CommandContext): Promise<number> {
  const { io, json } = context;
  const folder = keysFolder(context);
  const keys = (await readKeys(folder)) ?? [];
  const used = await readUsedKeys(folder);
  if (json) {
    const shown = keys.map((key) => shownKey(key, used.get(key.id)));
    io.stdout.write(`${JSON.stringify(shown, undefined, 2)}\n`);
    return EXIT_OK;
  }
  if (keys.length === 0) {
    io.stdout.write('no keys; make one with: cortex-mcp keys create\n');
    return EXIT_OK;
  }
  const nowMs = Date.now();
  const rows = keys.map((key): Cell[] => {
    const state = stateOfKey(key, nowMs);
    return [
      { text: key.id },
      { text: state, colour: state === 'active' ? 'green' : 'dim' },
      { text: safeText(key.title ?? '') },
      { text: key.scopes.join(' ') },
      { text: used.get(key.id)?.slice(0, 16) ?? 'never' },
      { text: key.expiresAt?.slice(0, 10) ?? '-' },
      { text: safeText(ruleText(key)) },
    ];
  });
  const heads = ['KEY', 'STATE', 'TITLE', 'SCOPES', 'USED', 'EXPIRES', 'SEES'];
  io.stdout.write(table(heads, rows, { paint: createPaint(io), columns: io.columns }));
  return EXIT_OK;
}

export const keysListCommand: Command = {
  name: 'keys list',
  argumentsUsage: '',
  minArguments: 0,
  maxArguments: 0,
  options: ['json'],
  summary: 'List the keys that let clients in',
  details: [
    'Never shows a key itself: nothing here knows it. Times of use are written once a minute.',
  ],
  example: 'cortex-mcp keys list --json',
  run: list,
};
