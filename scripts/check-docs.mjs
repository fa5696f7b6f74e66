/**
 * Prose cannot rot: every repository path, link, heading, npm script, command and flag of the command line, variable,
 * metric, route, code and key of the configuration that the documents name must exist, and every block of code is tried
 * by `docs-run.mjs` or says why not. Needs an installed and built workspace.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { blocksOf, documents, filesBelow, unmarked } from './docs-blocks.mjs';
import {
  missingAnchors,
  missingCodes,
  missingKeys,
  missingMetrics,
  missingRoutes,
} from './docs-names.mjs';
import { cli, print, printOutput, root, run, workspaceNode } from './workspace.mjs';

const packageNames = readdirSync(join(root, 'packages'));
const topEntries = new Set(readdirSync(root).filter((name) => name !== 'node_modules'));
const manifest = (folder) => JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
const rootScripts = manifest('.').scripts;

/** Inline code and code blocks, without their backticks. */
function codeIn(text) {
  const blocks = [...text.matchAll(/^```(\w*)[^\n]*\n(.*?)^```/gms)];
  const prose = text.replaceAll(/^```.*?^```/gms, '');
  return {
    spans: [...prose.matchAll(/`([^`\n]+)`/g)].map((match) => match[1]),
    blocks: blocks.map((match) => ({ language: match[1], body: match[2] })),
    prose,
  };
}

function missingLinks(file, prose) {
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => match[1].split('#')[0])
    .filter((target) => target !== '' && !/^\w+:/.test(target))
    .filter((target) => !existsSync(join(dirname(file), target)))
    .map((target) => `link to ${target}`);
}

/** `packages/mcp/src/index.ts`, `docs/`; a path that starts with `src/` or `test/` may be any package's. */
function missingPaths(spans) {
  return spans
    .filter((span) => /^[\w.@-]+(?:\/[\w.@-]+)*\/?$/.test(span))
    .filter((span) => {
      const first = span.split('/')[0];
      if (!span.includes('/')) return false;
      if (topEntries.has(first)) return !existsSync(join(root, span));
      if (first !== 'src' && first !== 'test' && first !== 'bench') return false;
      return packageNames.every((name) => !existsSync(join(root, 'packages', name, span)));
    })
    .map((span) => `path ${span}`);
}

function missingScripts(code) {
  const named = [...code.matchAll(/\bnpm (?:run )?([a-z][\w:-]*)/g)].map((match) => match[1]);
  const builtIn = new Set(['install', 'ci', 'exec', 'publish', 'pack', 'run', 'init']);
  const missing = named.filter((name) => !builtIn.has(name) && rootScripts[name] === undefined);
  const filtered = [...code.matchAll(/pnpm --filter (\S+) ([a-z][\w:-]*)/g)].filter((match) => {
    const folder = packageNames.find((name) => manifest(join('packages', name)).name === match[1]);
    return (
      folder === undefined || manifest(join('packages', folder)).scripts[match[2]] === undefined
    );
  });
  return [...missing.map((name) => `npm script ${name}`), ...filtered.map((match) => match[0])];
}

/** Commands and flags that no help of `cortex-mcp` lists. */
function missingCommands(code, help) {
  // Not the pm2 app of that name, and not a file name that begins like it.
  const calls = code.matchAll(/(?<!pm2 \w+ )\bcortex-mcp(?![\w.-])([^\n|;)`]*)/g);
  const listed = new Set([...help.matchAll(/^ +([a-z]+)/gm)].map((match) => match[1]));
  return [...calls].flatMap((match) => {
    const [command = '', ...rest] = match[1].trim().split(/\s+/);
    const problems = [command, ...rest]
      .map((word) => /^--[a-z][a-z\d-]*/.exec(word)?.[0])
      .filter((flag) => flag && !help.includes(flag))
      .map((flag) => `flag ${flag}`);
    if (/^[a-z]+$/.test(command) && !listed.has(command)) {
      problems.push(`command cortex-mcp ${command}`);
    }
    return problems;
  });
}

function missingVariables(text, sources) {
  const named = new Set(text.match(/\b(?:MCP|CORTEX)_[A-Z0-9_]*[A-Z0-9]\b/g) ?? []);
  return [...named].filter((name) => !sources.includes(name)).map((name) => `variable ${name}`);
}

/** The other way round: a variable that the configuration reads and its reference leaves out. */
function undocumentedVariables() {
  const reference = readFileSync(join(root, 'docs', 'configuration.md'), 'utf8');
  const config = filesBelow(join('packages', 'mcp', 'src', 'config'), '.ts')
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
  const named = new Set(
    [...config.matchAll(/'((?:MCP|CORTEX)_[A-Z_]+)'/g)].map(([, name]) => name),
  );
  return [...named].filter((name) => !reference.includes(name));
}

function badJson(blocks) {
  return blocks
    .filter((block) => block.language === 'json')
    .flatMap((block) => {
      try {
        JSON.parse(block.body);
        return [];
      } catch (error) {
        return [`json block: ${error.message}`];
      }
    });
}

/** Code that is neither tried nor says why. */
function badMarks(file) {
  return blocksOf(file).flatMap((block) =>
    unmarked(block).map((problem) => `${block.place}: ${problem}`),
  );
}

/** The help of one command, or of the program. */
async function helpOf(words) {
  const help = await run(workspaceNode, [cli, 'help', ...words]);
  if (help.code === 0) return help.output;
  print(`cortex-mcp help ${words.join(' ')} failed; build first: npm run build`);
  printOutput(help.output);
  return process.exit(1);
}

const general = await helpOf([]);
// `map sign <file>   Sign a map`: what comes before the arguments, or the two spaces.
const commands = [...general.matchAll(/^  ([a-z]+(?: [a-z]+)*)(?=  | [<([])/gm)]
  .map(([, name]) => name.split(' '))
  .filter(([first]) => first !== 'help');
const details = await Promise.all(commands.map(helpOf));
const help = { output: [general, ...details].join('\n') };
const sources = packageNames
  .flatMap((name) => filesBelow(join('packages', name, 'src'), '.ts'))
  .map((file) => readFileSync(file, 'utf8'))
  .join('\n');

// Names of tests, benches and scripts may be spoken of as well.
const everySource = ['packages', 'scripts', 'examples', 'deploy', 'ecosystem.config.cjs']
  .flatMap((folder) =>
    ['.ts', '.mjs', '.yaml', '.yml', '.service', '.timer', '.cjs', '.env', 'Dockerfile'].flatMap(
      (end) => filesBelow(folder, end),
    ),
  )
  .map((file) => readFileSync(file, 'utf8'))
  .join('\n');

let problemCount = 0;
for (const file of documents()) {
  const text = readFileSync(file, 'utf8');
  const { spans, blocks, prose } = codeIn(text);
  const code = [...spans, ...blocks.map((block) => block.body)].join('\n');
  const problems = [
    ...missingLinks(file, prose),
    ...missingPaths(spans),
    ...missingScripts(code),
    ...missingCommands(code, help.output),
    ...missingVariables(text, everySource),
    ...missingMetrics(text, sources),
    ...missingRoutes(spans, sources),
    ...missingCodes(spans, everySource),
    ...missingKeys(spans),
    ...missingAnchors(file, prose),
    ...badJson(blocks),
  ];
  for (const problem of problems) print(`${relative(root, file)}: no such ${problem}`);
  const marks = badMarks(file);
  for (const mark of marks) print(mark);
  problemCount += problems.length + marks.length;
}
const undocumented = undocumentedVariables();
for (const name of undocumented) print(`docs/configuration.md: ${name} is not described`);
problemCount += undocumented.length;
if (problemCount > 0) process.exitCode = 1;
else print(`${documents().length} documents name only what exists`);
