/** The code blocks of documents: where each stands, its language, and what is said of it for those who try it. */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { root } from './workspace.mjs';

/** Files below a folder of the repository whose names end so; the file itself when it is one. */
export function filesBelow(folder, suffix) {
  const start = join(root, folder);
  if (!existsSync(start)) return [];
  if (statSync(start).isFile()) return [start];
  return readdirSync(start, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === 'node_modules' || entry.name === 'dist') return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(path, suffix);
    return entry.name.endsWith(suffix) ? [join(root, path)] : [];
  });
}

/** What people read; records of finished work (`tasks/`) are as they were. */
export function documents() {
  const readmes = readdirSync(join(root, 'packages')).map((name) =>
    join('packages', name, 'README.md'),
  );
  return ['README.md', 'CONTRIBUTING.md', 'AGENTS.md', 'docs', 'tasks/README.md', 'examples']
    .concat(readmes)
    .flatMap((name) => filesBelow(name, '.md'));
}

const fence = /^```([\w-]*)([^\n]*)\n(.*?)^```/gms;
const comment = /<!-- (not run|put|file): (.*?)-->/gs;

/** The comments right before a block, which no reader sees; each belongs to the block that follows it. */
function notesBefore(text) {
  const between = text.slice(
    text.search(/(?:\s*<!-- (?:not run|put|file): (?:(?!-->).)*-->)*\s*$/s),
  );
  return [...between.matchAll(comment)].map(([, kind, said]) => ({ kind, said: said.trim() }));
}

/**
 * Blocks of a document in their order. `words` is what follows the language: `sh run`. Before a block may stand, as
 * comments: `not run: <reason>`, `put: <text> = <command>` (what the command prints stands in the place of the text when
 * the block is tried) and `file: <name>`, a line break and what that file holds meanwhile.
 */
export function blocksOf(file) {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(fence)].map((match) => {
    const notes = notesBefore(text.slice(0, match.index));
    const said = (kind) => notes.filter((note) => note.kind === kind).map((note) => note.said);
    return {
      language: match[1],
      words: match[2].trim().split(/\s+/).filter(Boolean),
      body: match[3],
      reason: said('not run')[0],
      put: said('put').map((one) => one.split(/ = (.*)/s).slice(0, 2)),
      files: said('file').map((one) => one.split(/\n(.*)/s).slice(0, 2)),
      place: `${relative(root, file)}:${text.slice(0, match.index).split('\n').length}`,
    };
  });
}

/** Why a block is not tried; there is no other reason, but `tried by <file>`. */
const reasons = new Set(['needs network', 'needs root', 'needs a client', 'long', 'illustration']);

function isReason(reason) {
  const test = /^tried by (\S+)$/.exec(reason)?.[1];
  return reasons.has(reason) || (test !== undefined && existsSync(join(root, test)));
}

/** A key that only a configuration, an entry of one, or a client's file has. */
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

function parsed(body) {
  try {
    return JSON.parse(body);
  } catch {
    // `check-docs.mjs` names what is no JSON.
    return {};
  }
}

/** A `json` block as a whole configuration; undefined when it is something else. */
export function asConfiguration(body) {
  const value = parsed(body);
  const keys = Object.keys(value);
  if (keys.some((key) => entryKeys.has(key))) return { mcpServers: { example: value } };
  if (!keys.some((key) => fileKeys.has(key))) return undefined;
  return { mcpServers: { example: { command: 'true' } }, ...value };
}

/** Whether `docs-run.mjs` tries the block; `ts` blocks are always type-checked, a configuration is always parsed. */
function isTried({ language, words, body }) {
  if (language === 'ts') return true;
  if (language === 'sh') return words[0] === 'run';
  if (language !== 'json') return false;
  return words.some((word) => word.startsWith('file=')) || asConfiguration(body) !== undefined;
}

/** What is wrong with how a block is marked: code is tried or says why it is not. */
export function unmarked(block) {
  const { language, reason } = block;
  if (language === '') return [];
  if (!['sh', 'json', 'ts', 'yaml'].includes(language))
    return [`code is sh, json, ts or yaml, not ${language}; what is no code has no language`];
  if (reason === undefined)
    return isTried(block) ? [] : ['code that is neither tried nor marked <!-- not run: reason -->'];
  if (isTried(block)) return ['marked as not run, and yet it is tried'];
  if (isReason(reason)) return [];
  return [`“${reason}” is no reason: ${[...reasons].join(', ')}, tried by <file>`];
}
