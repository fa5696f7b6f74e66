/**
 * `node scripts/docs-run.mjs [--from-sources] [--times] [document…]`: what documents show is tried.
 * - `sh run` blocks run in a folder and home of their own, one document after the other block by block, each command
 *   must end with 0. Words behind `run`: `root` runs in the repository; `gateway` has a gateway running, whose port
 *   stands in the place of 3024; `seconds=1` shortens every `--seconds`; `may=1` allows that exit code too;
 *   `until=<text>` waits for that text, presses Ctrl-C and wants the end a person gets. `json file=name` writes that
 *   file there first.
 * - `json` blocks that look like a configuration, or an entry of one, must be one, without a warning.
 * - `ts` blocks must pass the type check, against the built package.
 * Blocks that are neither are found by `check-docs.mjs`. Needs a built workspace; with `--from-sources` the commands
 * run from the sources.
 */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { blocksOf, documents } from './docs-blocks.mjs';
import { checkConfiguration, checkTypes } from './docs-json.mjs';
import {
  blockEnv,
  commandFolder,
  endGroup,
  sparePort,
  startGateway,
  startUntil,
} from './docs-place.mjs';
import {
  endRunningCommandsOnSignal,
  formatSeconds,
  print,
  printOutput,
  root,
  run,
} from './workspace.mjs';

const fromSources = process.argv.includes('--from-sources');
const showTimes = process.argv.includes('--times');
const named = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const wanted = (file) => named.length === 0 || named.some((name) => file.endsWith(name));
const blockTimeoutSeconds = 60;
/** What Ctrl-C ends with: a service that stops in order, or a command that was interrupted. */
const ctrlCEnds = new Set([0, 130]);

/** The value of `name=value` among the words of a block. */
function wordOf({ words }, name) {
  return words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
}

const isRun = ({ language, words }) => language === 'sh' && words[0] === 'run';

function writeBlockFile(place, name, body) {
  const file = name.startsWith('~/') ? join(place.home, name.slice(2)) : join(place.work, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, body);
}

/** The block as it is run: shorter, at the port of the gateway, with what the document cannot know. */
async function scriptOf(block, { cwd, env }) {
  let script = block.body;
  if (block.words.includes('gateway'))
    script = script.replaceAll(/:302[45]\b/g, `:${env.MCP_PORT}`);
  const seconds = wordOf(block, 'seconds');
  if (seconds !== undefined) script = script.replaceAll(/--seconds \d+/g, `--seconds ${seconds}`);
  for (const [text, command] of block.put) {
    const { output } = await run('sh', ['-euc', command], { cwd, env });
    script = script.replaceAll(text, output.trim());
  }
  const may = wordOf(block, 'may');
  if (may === undefined) return script;
  const lines = script.trim().split('\n');
  return lines.map((line) => `{ ${line}\n} || test $? = ${may}`).join('\n');
}

/** Runs the block; its last command, when it goes on until it is told to end, gets Ctrl-C. */
async function tryBlock(block, place) {
  const cwd = block.words.includes('root') ? root : place.work;
  const until = wordOf(block, 'until');
  const usual = { MCP_PORT: until === undefined ? place.port : '0' };
  const extra = block.words.includes('gateway') ? (await place.gateway).env : usual;
  const env = blockEnv(place.home, place.bin, extra);
  const script = await scriptOf(block, { cwd, env });
  if (until === undefined) {
    const words = ['-k', '5', String(blockTimeoutSeconds), 'sh', '-euc', script];
    const result = await run('timeout', words, { cwd, env });
    // A verdict ends with 1, and so does a command that could not do its work, which says so.
    const isRefused = wordOf(block, 'may') !== undefined && /^cortex-mcp: /m.test(result.output);
    return result.code === 0 && isRefused ? { ...result, code: 1 } : result;
  }
  const lines = script.trim().split('\n');
  const last = [...lines.slice(0, -1), `exec ${lines.at(-1)}`].join('\n');
  try {
    const { child, output } = await startUntil(until, 'sh', ['-euc', last], { cwd, env });
    const how = await endGroup(child, 'SIGINT');
    return { code: ctrlCEnds.has(how) ? 0 : how, output: output() };
  } catch (error) {
    return { code: 1, output: error.message };
  }
}

/** Runs the blocks of one document in their order; the problems found. */
async function runDocument(file, { folder, bin, ...given }) {
  const blocks = blocksOf(file).filter(
    (block) => isRun(block) || wordOf(block, 'file') !== undefined,
  );
  if (!blocks.some(isRun)) return [];
  const home = join(folder, relative(root, file).replaceAll(/[^\w.]/g, '-'));
  const place = { ...given, home, work: join(home, 'work'), bin };
  mkdirSync(join(place.work, 'node_modules'), { recursive: true });
  symlinkSync(bin, join(place.work, 'node_modules', '.bin'));
  const problems = [];
  for (const block of blocks) {
    const target = wordOf(block, 'file');
    if (target !== undefined) writeBlockFile(place, target, block.body);
    for (const [name, body] of block.files) writeBlockFile(place, name, body);
    if (!isRun(block)) continue;
    const startedAt = performance.now();
    const { code, output } = await tryBlock(block, place);
    if (showTimes) print(`${block.place} ${formatSeconds((performance.now() - startedAt) / 1000)}`);
    if (code !== 0) problems.push({ place: block.place, code, output });
  }
  return problems;
}

async function tryCommands(files, folder) {
  const bin = commandFolder(folder, fromSources);
  const blocks = files.flatMap(blocksOf);
  const needsGateway = blocks.some((block) => isRun(block) && block.words.includes('gateway'));
  // Blocks that need it wait for it; the others go ahead.
  const gateway = needsGateway ? startGateway(folder, bin) : Promise.resolve(undefined);
  const place = { folder, bin, port: await sparePort(), gateway };
  const tried = files.map((file) => runDocument(file, place));
  const [started, ...problems] = await Promise.allSettled([gateway, ...tried]);
  if (started.status === 'fulfilled') await started.value?.close();
  const failed = [started, ...problems].find(({ status }) => status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return problems.flatMap(({ value }) => value);
}

endRunningCommandsOnSignal();
const startedAt = performance.now();
const folder = mkdtempSync(join(tmpdir(), 'cortex-docs-'));
try {
  const files = documents().filter(wanted);
  const blocks = files.flatMap(blocksOf);
  const typed = blocks.filter(({ language }) => language === 'ts');
  const json = blocks.filter(({ language, reason }) => language === 'json' && !reason);
  const problems = [];
  for (const block of json) problems.push(...(await checkConfiguration(block, folder)));
  const [ofTypes, ofCommands] = await Promise.all([checkTypes(typed), tryCommands(files, folder)]);
  problems.push(...ofTypes, ...ofCommands);
  for (const { place, code, output } of problems) {
    print(`${place}: ${code}`);
    printOutput(output);
  }
  const seconds = formatSeconds((performance.now() - startedAt) / 1000);
  const counts = `${blocks.filter(isRun).length} blocks of commands, ${json.length} of JSON`;
  print(`${counts} and ${typed.length} programs tried in ${seconds}`);
  process.exitCode = problems.length === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
