/** The part of rolldown.config.mjs that makes chunks whose compiled code can be kept. */
import { hash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A chunk as a function of what it imports, that gives what it exports; no line moves. */
function asFunction(name, code) {
  const imports = [];
  let exported;
  const body = code
    .replace(/^import \{(.*)\} from "(\.\/[\w-]+\.js)";$/gm, (_, names, from) => {
      const place = imports.push(from) - 1;
      return `const {${names.replaceAll(' as ', ': ')}} = $imports[${place}];`;
    })
    .replace(/^export \{ (.*) \};$/m, (_, names) => {
      exported = names.split(', ').map((one) => one.split(' as ').toReversed());
      return `return { ${exported.map(([as, own = as]) => `${as}: ${own}`).join(', ')} };`;
    })
    .replace(/\bimport\("(\.\/[\w-]+\.js)"\)/g, '$load("$1")')
    .replace(/\bimport\.meta\b/g, '$meta')
    .replace(`=${name}.js.map`, `=${name}.cjs.map`);
  // Exports are read once, when all of the chunk has run.
  const late = [...code.matchAll(/^(?:var ([\w$, ]+)|let ([\w$]+)\b.*);$/gm)];
  const names = new Set(late.flatMap(([, many, one]) => many?.split(', ') ?? [one]));
  const open = exported?.find(([as, own = as]) => names.has(own));
  if (open !== undefined) throw new Error(`${name}.js exports ${open.at(-1)}, which may change`);
  if (exported === undefined || /^(?:import|export)\b|\bimport\(/m.test(body)) {
    throw new Error(`${name}.js imports or exports in another way than before`);
  }
  const [text, map = ''] = body.split(/^(?=\/\/# sourceMappingURL)/m);
  const head =
    "(typeof module === 'object' ? module : {}).exports = (function ($imports, $meta, $load) { 'use strict'; ";
  return { imports, exported: exported.map(([as]) => as), code: `${head}${text}});\n${map}` };
}

/** The module that has its exports from the function. */
function moduleOf(name, { imports, exported, code }) {
  const lines = imports.map((from, place) => `import * as i${place} from ${JSON.stringify(from)};`);
  return [
    ...lines,
    'import { loadCompiled } from "./load-compiled.js";',
    'const all = loadCompiled({',
    `  path: import.meta.dirname + "/${name}.cjs",`,
    `  digest: "${hash('sha256', code).slice(0, 16)}",`,
    `  imports: [${imports.map((_, place) => `i${place}`).join(', ')}],`,
    '  meta: import.meta,',
    '  load: (specifier) => import(specifier),',
    '});',
    `const { ${exported.map((as) => `${as}: $${as}`).join(', ')} } = all;`,
    `export { ${exported.map((as) => `$${as} as ${as}`).join(', ')} };`,
    '',
  ].join('\n');
}

/**
 * Makes scripts of the named chunks, each with a module that has its exports: of a script the compiled code can be kept
 * with the functions that a start calls, of a module without (src/cli/load-compiled.ts).
 */
export function compiled(names) {
  return {
    name: 'compiled',
    // The maps are there by now.
    writeBundle({ dir }) {
      for (const name of names) {
        const file = join(dir, `${name}.js`);
        if (!existsSync(file)) continue;
        const chunk = asFunction(name, readFileSync(file, 'latin1'));
        writeFileSync(join(dir, `${name}.cjs`), chunk.code);
        writeFileSync(file, moduleOf(name, chunk));
        renameSync(`${file}.map`, join(dir, `${name}.cjs.map`));
      }
    },
  };
}
