/**
 * `node scripts/docs-run.mjs [--from-sources] [document…]`: what documents show is tried.
 * - `sh run` blocks run in a folder and home of their own, one document after the other block by block, each command
 *   must end with 0. `json file=name` writes that file there first.
 * - `json` blocks that look like a configuration, or an entry of one, must be one, without a warning.
 * - `ts` blocks must pass the type check, against the built package.
 * Needs a built workspace; with `--from-sources` the commands run from the sources.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { loadConfig } from '../packages/mcp/src/config/config.ts';
import { blocksOf, documents } from './docs-blocks.mjs';
import {
  cli,
  endRunningCommandsOnSignal,
  formatSeconds,
  print,
  printOutput,
  root,
  run,
  workspaceEnv,
  workspaceNode,
} from './workspace.mjs';

const fromSources = process.argv.includes('--from-sources');
const named = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const wanted = (file) => named.length === 0 || named.some((name) => file.endsWith(name));
const blockTimeoutSeconds = 60;

/** A folder with the command `cortex-mcp`, for PATH. */
function commandFolder(folder) {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const main = join(bin, 'main.mjs');
  const sources = join(root, 'packages', 'mcp', 'src', 'cli', 'main.ts');
  writeFileSync(
    main,
    `import { main } from ${JSON.stringify(sources)};\nprocess.exit(await main());\n`,
  );
  const program = fromSources ? `--conditions=cortex-source "${main}"` : `"${cli}"`;
  const command = join(bin, 'cortex-mcp');
  writeFileSync(command, `#!/bin/sh\nexec "${workspaceNode}" ${program} "$@"\n`);
  chmodSync(command, 0o755);
  return bin;
}

/** Nothing of this machine but PATH: no keys, no home. All share what Node compiled. */
function blockEnv(home, bin) {
  const { PATH } = workspaceEnv();
  return {
    PATH: `${bin}${delimiter}${PATH}`,
    HOME: home,
    TMPDIR: home,
    LANG: 'C.UTF-8',
    NO_COLOR: '1',
    NODE_COMPILE_CACHE: join(dirname(bin), 'compiled'),
  };
}

/** Runs the blocks of one document in their order; the problems found. */
async function runDocument(file, folder, bin) {
  const blocks = blocksOf(file).filter(
    ({ language, words }) =>
      (language === 'sh' && words[0] === 'run') || words.some((word) => word.startsWith('file=')),
  );
  if (!blocks.some(({ language }) => language === 'sh')) return [];
  const home = join(folder, relative(root, file).replaceAll(/[^\w.]/g, '-'));
  const work = join(home, 'work');
  mkdirSync(work, { recursive: true });
  const problems = [];
  for (const { language, words, body, place } of blocks) {
    const target = words.find((word) => word.startsWith('file='))?.slice('file='.length);
    if (target !== undefined) {
      mkdirSync(dirname(join(work, target)), { recursive: true });
      writeFileSync(join(work, target), body);
    }
    if (language !== 'sh') continue;
    const script = ['-k', '5', String(blockTimeoutSeconds), 'sh', '-euc', body];
    const cwd = words.includes('root') ? root : work;
    const result = await run('timeout', script, { cwd, env: blockEnv(home, bin) });
    if (result.code !== 0) problems.push({ place, code: result.code, output: result.output });
  }
  return problems;
}

const entryKeys = new Set(['command', 'url', 'httpUrl', 'serverUrl']);
const fileKeys = new Set([
  'mcpServers',
  'servers',
  'serviceMap',
  'registry',
  'auth',
  'audit',
  'pins',
  'flags',
  'port',
]);

/** The block as a whole configuration; undefined when it is something else. */
function asConfiguration(body) {
  const value = JSON.parse(body);
  const keys = Object.keys(value);
  if (keys.some((key) => entryKeys.has(key))) return { mcpServers: { example: value } };
  if (!keys.some((key) => fileKeys.has(key))) return undefined;
  return { mcpServers: { example: { command: 'true' } }, ...value };
}

/** Variables that a block refers to exist, and so do the files of keys it names. */
async function checkConfiguration({ body, place }, folder) {
  const value = asConfiguration(body);
  if (value === undefined) return [];
  const file = join(folder, 'configuration.json');
  writeFileSync(file, JSON.stringify(value));
  const names = [...body.matchAll(/\$\{([A-Z_]+)\}/g)].map(([, name]) => [name, 'x'.repeat(32)]);
  try {
    const { warnings } = await loadConfig({
      flags: { config: file },
      env: Object.fromEntries(names),
      cwd: folder,
      home: folder,
    });
    return warnings.map((output) => ({ place, code: 'warning', output }));
  } catch (error) {
    return error.code === 'CONFIG_UNREADABLE' && /key/i.test(error.message)
      ? []
      : [{ place, code: error.code, output: error.message }];
  }
}

/** A built type of a package, as `paths` of a tsconfig want it. */
const dist = (name, file) => [join(root, 'packages', name, 'dist', file)];

/** Type-checks every `ts` block as a program of its own, inside the workspace so that packages are found. */
async function checkTypes(blocks) {
  if (blocks.length === 0) return [];
  const folder = mkdtempSync(join(root, 'packages', 'mcp', 'node_modules', '.docs-types-'));
  try {
    const paths = {
      '@cortex-os/mcp': dist('mcp', 'index.d.ts'),
      '@cortex-os/mcp/connectors': dist('mcp', 'connectors/index.d.ts'),
      '@cortex-os/mcp-registry': dist('mcp-registry', 'index.d.ts'),
      '@cortex-os/testkit': dist('testkit', 'index.d.ts'),
    };
    const options = { customConditions: [], noUnusedLocals: false, noEmit: true, paths };
    const files = blocks.map((_, at) => `block-${at}.ts`);
    for (const [at, { body }] of blocks.entries())
      writeFileSync(join(folder, files[at]), `${body}\nexport {};\n`);
    const parent = join(root, 'tsconfig.json');
    const config = { extends: parent, include: [], files, compilerOptions: options };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const { code, output } = await run('tsc', ['-p', folder]);
    if (code === 0) return [];
    const places = blocks.map(({ place }, at) => `block-${at}.ts is ${place}`);
    return [{ place: 'ts blocks', code, output: `${output}\n${places.join('\n')}` }];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

endRunningCommandsOnSignal();
const startedAt = performance.now();
const folder = mkdtempSync(join(tmpdir(), 'cortex-docs-'));
try {
  const bin = commandFolder(folder);
  const files = documents().filter(wanted);
  const blocks = files.flatMap(blocksOf);
  const problems = (await Promise.all(files.map((file) => runDocument(file, folder, bin)))).flat();
  for (const block of blocks.filter(({ language }) => language === 'json'))
    problems.push(...(await checkConfiguration(block, folder)));
  const typed = blocks.filter(({ language }) => language === 'ts');
  problems.push(...(await checkTypes(typed)));
  for (const { place, code, output } of problems) {
    print(`${place}: ${code}`);
    printOutput(output);
  }
  const ran = blocks.filter(({ language, words }) => language === 'sh' && words[0] === 'run');
  const seconds = formatSeconds((performance.now() - startedAt) / 1000);
  print(`${ran.length} blocks of commands and ${typed.length} programs tried in ${seconds}`);
  process.exitCode = problems.length === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
