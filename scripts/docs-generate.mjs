/**
 * `node scripts/docs-generate.mjs [--check]`: writes what documents take from the sources: docs/errors.md, the tables of
 * docs/configuration.md, the comparison in README.md. `--check` only says whether they are what the sources give.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { configurationParts } from './docs-configuration.mjs';
import { errorsPage } from './docs-errors.mjs';
import { peersPart } from './docs-peers.mjs';
import { print, root, workspaceEnv } from './workspace.mjs';

const checkOnly = process.argv.includes('--check');

/** As the formatter leaves it, so that the check of formats agrees. */
function formatted(file, text) {
  return execFileSync('oxfmt', ['--stdin-filepath', basename(file)], {
    cwd: dirname(file),
    input: text,
    encoding: 'utf8',
    env: workspaceEnv(),
  });
}

/** Puts each part between `<!-- made: name -->` and `<!-- end: name -->`; what is written by hand around them stays. */
function withParts(file, parts) {
  return Object.entries(parts).reduce(
    (text, [name, part]) => {
      const [begin, end] = [`<!-- made: ${name} -->`, `<!-- end: ${name} -->`];
      const [from, to] = [text.indexOf(begin), text.indexOf(end)];
      if (from === -1 || to < from)
        throw new Error(`${relative(root, file)} has no place ${begin}`);
      return `${text.slice(0, from + begin.length)}\n\n${part}\n\n${text.slice(to)}`;
    },
    readFileSync(file, 'utf8'),
  );
}

const documents = {
  'docs/errors.md': () => errorsPage(),
  'docs/configuration.md': (file) => withParts(file, configurationParts()),
  'README.md': (file) => withParts(file, { peers: peersPart() }),
};

let stale = 0;
for (const [name, make] of Object.entries(documents)) {
  const file = join(root, name);
  const wanted = formatted(file, make(file));
  const current = existsSync(file) ? readFileSync(file, 'utf8') : '';
  if (wanted === current) continue;
  stale += 1;
  if (checkOnly) print(`${name} is not what the sources give: node scripts/docs-generate.mjs`);
  else {
    writeFileSync(file, wanted);
    print(`${name} written`);
  }
}
if (stale === 0) print('documents are what the sources give');
else if (checkOnly) process.exitCode = 1;
