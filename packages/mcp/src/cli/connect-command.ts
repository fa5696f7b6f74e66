import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/** How this program is started again. */
export interface OwnCommand {
  /** What a person types, e.g. `cortex-mcp` or `npx /path/cortex-os-mcp-0.1.0.tgz`. */
  readonly shown: string;
  /** What a client starts: absolute, since desktop programs have another PATH. */
  readonly command: string;
  readonly args: readonly string[];
  /** It, or the Node that runs it, lies in npm's cache, which may be emptied. */
  readonly fleeting: boolean;
}

const NPX = `${sep}_npx${sep}`;

/** A word as a shell takes it. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/u.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** npm writes beside what `npx` has installed where it came from. */
function npxLine(program: string, cwd: string): string | undefined {
  const at = program.indexOf(NPX);
  if (at === -1) return undefined;
  const hash = program.slice(at + NPX.length).split(sep)[0] ?? '';
  const folder = join(program.slice(0, at + NPX.length), hash);
  try {
    const value: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const source: unknown = Object(Object(value)['dependencies'])['@cortex-os/mcp'];
    if (typeof source !== 'string') return undefined;
    if (!source.startsWith('file:')) return 'npx @cortex-os/mcp';
    const file = resolve(folder, source.slice('file:'.length));
    const inside = relative(cwd, file);
    // As it was most likely typed: another spelling would be installed once more.
    const word = inside.startsWith('..') || isAbsolute(inside) ? file : `.${sep}${inside}`;
    return `npx ${quoted(word)}`;
  } catch {
    return undefined; // another npm keeps its cache otherwise: the plain name is said
  }
}

/** The command of the folder one stands in, as `npm install` and this repository make it. */
function localLine(cwd: string): string | undefined {
  const path = join('node_modules', '.bin', 'cortex-mcp');
  return existsSync(join(cwd, path)) ? path : undefined;
}

/**
 * How to start this program again: as it was installed, from npm's cache, or from a checkout.
 * @param program the file that Node runs; default: `bin/cortex-mcp.js` of this package.
 */
export function ownCommand(
  cwd: string,
  program: string = fileURLToPath(new URL('../../bin/cortex-mcp.js', import.meta.url)),
  node: string = process.execPath,
): OwnCommand {
  const npx = npxLine(program, cwd);
  return {
    shown: npx ?? localLine(cwd) ?? 'cortex-mcp',
    command: node,
    args: [program],
    fleeting: program.includes(NPX) || node.includes(NPX),
  };
}
