/** The code blocks of documents: where each stands, its language and what is said behind it. */
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

/** Blocks of a document in their order; `words` is what follows the language: `sh run`. */
export function blocksOf(file) {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/^```([\w-]*)([^\n]*)\n(.*?)^```/gms)].map((match) => ({
    language: match[1],
    words: match[2].trim().split(/\s+/).filter(Boolean),
    body: match[3],
    place: `${relative(root, file)}:${text.slice(0, match.index).split('\n').length}`,
  }));
}
