import { createKey, revokeKey, rotateKey, type IssuedKey, type NewKey } from '../auth/edit-keys.ts';
import { SCOPES, type GlobRule } from '../auth/grant.ts';
import { MAX_GLOB_LENGTH } from '../auth/glob.ts';
import { readKeys } from '../auth/keys-file.ts';
import type { OptionName } from './command-option.ts';
import { UsageError, type Command, type CommandContext } from './command.ts';
import { EXIT_OK } from './exit-code.ts';
import { keysFolder, readDuration, shownKey } from './keys.ts';

const DEFAULT_GRACE_MS = 86_400_000;

function ruleOf(
  { options }: CommandContext,
  allow: OptionName,
  deny: OptionName,
): GlobRule | undefined {
  const lists = { allow: options.all(allow), deny: options.all(deny) };
  for (const pattern of [...lists.allow, ...lists.deny]) {
    if (pattern.length > MAX_GLOB_LENGTH)
      throw new UsageError(`${pattern.slice(0, 20)}… is too long`);
  }
  if (lists.allow.length + lists.deny.length === 0) return undefined;
  return {
    ...(lists.allow.length > 0 && { allow: lists.allow }),
    ...(lists.deny.length > 0 && { deny: lists.deny }),
  };
}

function scopesOf({ options }: CommandContext): readonly string[] {
  const given = options.all('scope').flatMap((text) => text.split(/[,\s]+/).filter(Boolean));
  if (given.length === 0) return ['client'];
  const known: readonly string[] = SCOPES;
  const odd = given.find((scope) => !known.includes(scope));
  if (odd === undefined) return [...new Set(given)];
  throw new UsageError(`${JSON.stringify(odd)} is no scope; there are ${SCOPES.join(', ')}`);
}

function rateOf({ options }: CommandContext): NewKey['rate'] {
  const text = options.text('rate');
  if (text === undefined) return undefined;
  const perMinute = Number(text);
  if (Number.isInteger(perMinute) && perMinute > 0) return { perMinute };
  throw new UsageError(`--rate ${JSON.stringify(text)} is no number of requests a minute`);
}

function expiryOf({ options }: CommandContext): string | undefined {
  const text = options.text('expires');
  if (text === undefined) return undefined;
  const ms = readDuration(text, 'expires');
  if (ms === 0) throw new UsageError('--expires 0 would let nobody in; leave it out for no end');
  return new Date(Date.now() + ms).toISOString();
}

function showIssued({ io, json }: CommandContext, { record, text }: IssuedKey): void {
  if (json) {
    io.stdout.write(`${JSON.stringify({ ...shownKey(record), key: text }, undefined, 2)}\n`);
    return;
  }
  // The key alone, so that a pipe gets nothing else.
  io.stdout.write(`${text}\n`);
  io.stderr.write('it is shown this once; clients send it as Authorization: Bearer <key>\n');
}

async function create(context: CommandContext): Promise<number> {
  const folder = keysFolder(context);
  const isFirst = (await readKeys(folder)) === undefined;
  const title = context.options.text('title');
  const rules = {
    connectors: ruleOf(context, 'allow-connector', 'deny-connector'),
    tools: ruleOf(context, 'allow-tool', 'deny-tool'),
    prompts: ruleOf(context, 'allow-prompt', 'deny-prompt'),
    resources: ruleOf(context, 'allow-resource', 'deny-resource'),
  };
  const issued = await createKey(folder, {
    title,
    scopes: scopesOf(context),
    ...rules,
    rate: rateOf(context),
    expiresAt: expiryOf(context),
  });
  showIssued(context, issued);
  if (isFirst) {
    context.io.stderr.write(
      'this is the first key: from now on nobody gets into this service without one\n',
    );
  }
  return EXIT_OK;
}

async function revoke(context: CommandContext): Promise<number> {
  const { io, json, args } = context;
  const record = await revokeKey(keysFolder(context), args[0] ?? '');
  io.stdout.write(json ? `${JSON.stringify(shownKey(record))}\n` : `revoked ${record.id}\n`);
  return EXIT_OK;
}

async function rotate(context: CommandContext): Promise<number> {
  const { options, args } = context;
  const grace = options.text('grace');
  const graceMs = grace === undefined ? DEFAULT_GRACE_MS : readDuration(grace, 'grace');
  showIssued(context, await rotateKey(keysFolder(context), args[0] ?? '', graceMs));
  return EXIT_OK;
}

export const keysCreateCommand: Command = {
  name: 'keys create',
  argumentsUsage: '',
  minArguments: 0,
  maxArguments: 0,
  options: [
    'title',
    'scope',
    'allow-connector',
    'deny-connector',
    'allow-tool',
    'deny-tool',
    'allow-prompt',
    'deny-prompt',
    'allow-resource',
    'deny-resource',
    'rate',
    'expires',
    'json',
  ],
  summary: 'Make a key that lets a client in',
  details: [
    'Prints the key, once. Scopes: client (the default), operator, registry:write, metrics:read. Patterns: * stands for',
    'any characters; connectors by id, tools and prompts by <connector>__<name>, resources by URI. What is denied stays',
    'denied. With an --allow- of tools, prompts or resources, nothing else of those three is seen.',
    'A running service takes it over at once.',
  ],
  example: "cortex-mcp keys create --title ci --allow-tool 'github__get_*' --expires 90d",
  run: create,
};

export const keysRevokeCommand: Command = {
  name: 'keys revoke',
  argumentsUsage: '<id>',
  minArguments: 1,
  maxArguments: 1,
  options: ['json'],
  summary: 'Let nobody in by a key any more',
  details: ['A running service closes what the key has open.'],
  example: 'cortex-mcp keys revoke 1f0c9ab27d3e4f55',
  run: revoke,
};

export const keysRotateCommand: Command = {
  name: 'keys rotate',
  argumentsUsage: '<id>',
  minArguments: 1,
  maxArguments: 1,
  options: ['grace', 'json'],
  summary: 'Give a key a new secret; the old one is good for a day more',
  details: [
    'Rules, sessions and the id stay. Prints the new key, once. --grace 0 ends the old one at once.',
  ],
  example: 'cortex-mcp keys rotate 1f0c9ab27d3e4f55 --grace 1h',
  run: rotate,
};
