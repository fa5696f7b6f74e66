import { resolve } from 'node:path';
import { generateKeyPair, generateSecret, signMapFile, verifyMapFile } from '../config/map-file.ts';
import {
  environmentKeys,
  readKeyFile,
  readKeyVariable,
  signKeyOf,
  verifyKeyOf,
} from '../config/map-keys.ts';
import type { SignatureSignKey, SignatureVerifyKey } from '../connectors/map/signature-keys.ts';
import { type Command, type CommandContext, UsageError } from './command.ts';
import { EXIT_OK } from './exit-code.ts';
import { showWarnings } from './open-service.ts';
import { printResult } from './print-result.ts';
import { formatMs, safeText } from './terminal-text.ts';

/** @throws UsageError */
function noKey(): never {
  const remedy = 'set CONNECTORS_SIGNATURE_KEY or give --key-file';
  throw new UsageError('there is no key', 'KEY_MISSING', remedy);
}

function fileOf({ io, args }: CommandContext): string {
  return resolve(io.cwd, args[0] ?? '');
}

/** With `--ed25519` a shared secret is a mistake, and is not used. @throws UsageError */
function refuseOther(context: CommandContext, key: SignatureVerifyKey): void {
  if (context.ed25519 === true && key.alg !== 'ed25519') {
    throw new UsageError(
      'the key is no Ed25519 key',
      'KEY_MISSING',
      'leave --ed25519 out for a shared secret',
    );
  }
}

async function signKey(context: CommandContext): Promise<SignatureSignKey> {
  const { io, keyFile } = context;
  const text =
    keyFile === undefined
      ? await readKeyVariable(io.env, 'CONNECTORS_SIGNATURE_KEY')
      : await readKeyFile(resolve(io.cwd, keyFile), '--key-file');
  if (text === undefined) return noKey();
  const key = signKeyOf(text, keyFile === undefined ? 'CONNECTORS_SIGNATURE_KEY' : '--key-file');
  refuseOther(context, key);
  return context.kid === undefined ? key : { ...key, kid: context.kid };
}

async function verifyKeys(context: CommandContext): Promise<readonly SignatureVerifyKey[]> {
  const { io, keyFile } = context;
  const keys =
    keyFile === undefined
      ? await environmentKeys(io.env)
      : [verifyKeyOf(await readKeyFile(resolve(io.cwd, keyFile), '--key-file'), '--key-file')];
  if (keys.length === 0) noKey();
  for (const key of keys) refuseOther(context, key);
  return keys;
}

async function sign(context: CommandContext): Promise<number> {
  const { map, warnings } = await signMapFile(fileOf(context), await signKey(context));
  showWarnings(context.io, warnings);
  context.io.stdout.write(`${JSON.stringify(map, undefined, 2)}\n`);
  return EXIT_OK;
}

async function verify(context: CommandContext): Promise<number> {
  const { io, json } = context;
  const map = await verifyMapFile(fileOf(context), await verifyKeys(context));
  showWarnings(io, map.warnings);
  const kid = map.kid === undefined ? '-' : safeText(map.kid);
  const text = `good: alg ${map.alg}, kid ${kid}, age ${formatMs(map.ageMs)}, ${map.connectors} connectors`;
  io.stdout.write(json ? `${JSON.stringify(map)}\n` : `${text}\n`);
  return EXIT_OK;
}

async function keygen(context: CommandContext): Promise<number> {
  const { io, args } = context;
  const [given] = args;
  if (context.ed25519 === true) {
    const files = await generateKeyPair(resolve(io.cwd, given ?? 'map-key.pem'));
    const [privateKey, publicKey] = files;
    const text = `private key: ${privateKey}\npublic key: ${publicKey}\n`;
    printResult(context, { privateKey, publicKey }, text);
    return EXIT_OK;
  }
  const file = given === undefined ? undefined : resolve(io.cwd, given);
  const secret = await generateSecret(file);
  const made = file === undefined ? { secret } : { file };
  printResult(context, made, file === undefined ? `${secret}\n` : `secret: ${file}\n`);
  return EXIT_OK;
}

export const mapSignCommand: Command = {
  name: 'map sign',
  argumentsUsage: '<file>',
  minArguments: 1,
  maxArguments: 1,
  options: ['key-file', 'ed25519', 'kid', 'json'],
  summary: 'Sign a service map and print it',
  details: [
    'The key is CONNECTORS_SIGNATURE_KEY or --key-file: a shared secret (HMAC-SHA256), or an Ed25519',
    'private key as PEM. A map without generatedAt is dated now. What is signed stays as it is written.',
    'Prints JSON, with or without --json.',
  ],
  example: 'cortex-mcp map sign connectors.json --key-file map.key > map.json',
  run: sign,
};

export const mapVerifyCommand: Command = {
  name: 'map verify',
  argumentsUsage: '<file>',
  minArguments: 1,
  maxArguments: 1,
  options: ['key-file', 'ed25519', 'json'],
  summary: 'Check a service map as a gateway would that fetches it',
  details: [
    'The keys are CONNECTORS_SIGNATURE_KEY and CONNECTORS_SIGNATURE_KEY_PREVIOUS, or --key-file (a secret,',
    'or an Ed25519 key as PEM). Prints algorithm, key id and age; exit code 1 names why it is refused.',
  ],
  example: 'cortex-mcp map verify map.json --key-file map-key.pem.pub',
  run: verify,
};

export const mapKeygenCommand: Command = {
  name: 'map keygen',
  argumentsUsage: '[file]',
  minArguments: 0,
  maxArguments: 1,
  options: ['ed25519', 'json'],
  summary: 'Make a key for signing service maps',
  details: [
    'Prints a shared secret, or writes it to a new file (0600). With --ed25519: the private key goes to the',
    'file (map-key.pem) and the public one beside it (.pub); gateways need only the public one.',
  ],
  example: 'cortex-mcp map keygen --ed25519 map-key.pem',
  run: keygen,
};
