/**
 * Bundles what bin/cortex-mcp.js runs: all that a start needs in one file, and a few more for what is loaded when it is
 * asked for. Finding and reading some 500 modules takes longer than everything else a start does. The library's entry
 * points are compiled file by file and stay as they are.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { defineConfig } from 'rolldown';
import { compiled } from './rolldown.compiled.mjs';
import { lateHttp2, noDescriptions, plainPino, promClient, standIn } from './rolldown.packages.mjs';

const MODULES = `${sep}node_modules${sep}`;
/** The registry in three files: what opens it, its API, and what tools and commands want of it. */
const REGISTRY = [
  {
    name: 'registry',
    test: /[\\/]mcp-registry[\\/]src[\\/](?:(?:store[\\/])?[\w-]+|tools[\\/]registry-handle)(?<!index)\.ts$/,
  },
  { name: 'registry-api', test: /[\\/]mcp-registry[\\/]src[\\/]http[\\/]/ },
  { name: 'registry-rest', test: /[\\/]mcp-registry[\\/]/ },
];
const require = createRequire(import.meta.url);

/**
 * undici as a file of its own, which is loaded with the first request: what sockets and pools need, in a third of the
 * time. Its other exports are there too, and load the package when they are read.
 */
function undiciParts() {
  const folder = dirname(require.resolve('undici'));
  const part = (path) => `require(${JSON.stringify(join(folder, 'lib', path))})`;
  const source = `const parts = {
      Agent: ${part('dispatcher/agent.js')},
      Client: ${part('dispatcher/client.js')},
      Dispatcher: ${part('dispatcher/dispatcher.js')},
      Pool: ${part('dispatcher/pool.js')},
      buildConnector: ${part('core/connect.js')},
      errors: ${part('core/errors.js')},
    };
    Object.assign(parts.Dispatcher.prototype, ${part('api/index.js')});
    for (const name of ${JSON.stringify(Object.keys(require('undici')))}) {
      if (name in parts) continue;
      Object.defineProperty(parts, name, { enumerable: true, get: () => require('undici')[name] });
    }
    module.exports = parts;`;
  return standIn('undici-parts', source);
}

/** What is imported of undici by name: functions load it when they are called, all else at once. */
function undiciImports() {
  const late = new Set(['connect', 'fetch', 'pipeline', 'request', 'stream', 'upgrade']);
  const lines = Object.keys(require('undici')).map((name) => {
    if (late.has(name)) return `export const ${name} = (...all) => load('undici').${name}(...all);`;
    return `export const ${name} = /* @__PURE__ */ (() => load('undici').${name})();`;
  });
  const head = `import { createRequire } from 'node:module';
    const load = /* @__PURE__ */ createRequire(import.meta.url);`;
  return standIn('undici', [head, ...lines].join('\n'));
}

/** Sends the places that load undici when they need it to the file of its parts. */
function lateUndici() {
  const places = /createRequire\(import\.meta\.url\)\('undici'\)|\bawait import\('undici'\)/g;
  const load = "process.getBuiltinModule('node:module').createRequire(import.meta.url)";
  return {
    name: 'late undici',
    transform: {
      filter: { code: places },
      handler: (code) => ({
        code: code.replaceAll(places, `${load}('./undici.cjs')`),
        // No line moves, so the map stays as it is.
        map: null,
      }),
    },
  };
}

/**
 * Builtin modules, but without the copy of all their exports that an `import` makes: for it, every lazy export of theirs
 * is read, and the code behind it loaded.
 */
function builtins() {
  const line = /^import (?:\* as )?([\w$]+|\{[^}]*\}) from "(node:[\w/]+)";$/gm;
  return {
    name: 'builtins',
    renderChunk: (code) => ({
      code: code.replace(line, (_, names, name) => {
        const wanted = names.replaceAll(' as ', ': ');
        return `const ${wanted} = globalThis.process.getBuiltinModule("${name}");`;
      }),
      map: null,
    }),
  };
}

const escaped = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

/**
 * ASCII only: a single other character makes Node keep the whole text of a chunk with two bytes a character, for as long as
 * the process lives. None is a part of a regular expression or of a raw template, where an escape may differ.
 */
function oneByteText() {
  return {
    name: 'one-byte text',
    // Not earlier: what is printed after `renderChunk` has no escapes.
    generateBundle(_options, files) {
      for (const chunk of Object.values(files)) {
        // No line moves, so the map stays as it is.
        if (chunk.type === 'chunk') chunk.code = chunk.code.replace(/[^\0-\u007f]/g, escaped);
      }
    },
  };
}

/** Knows the modules that the entry loads without being asked: all but what stands behind an `import()`. */
function loadedAtStart() {
  const closure = new Set();
  const plugin = {
    name: 'loaded at start',
    buildEnd() {
      const open = [...this.getModuleIds()].filter((id) => this.getModuleInfo(id).isEntry);
      for (let id = open.pop(); id !== undefined; id = open.pop()) {
        if (closure.has(id)) continue;
        closure.add(id);
        open.push(...(this.getModuleInfo(id)?.importedIds ?? []));
      }
    },
  };
  return { plugin, has: (id) => closure.has(id) };
}

/** The folder of the package that a module belongs to, or undefined for one of ours. */
function packageFolder(id) {
  const at = id.lastIndexOf(MODULES);
  if (at === -1) return undefined;
  const words = id.slice(at + MODULES.length).split(sep);
  return join(id.slice(0, at), MODULES, ...words.slice(0, words[0].startsWith('@') ? 2 : 1));
}

/** Name, version and licence of a package. @throws when it has no licence text that could be kept. */
function licenceOf(folder) {
  const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((one) => /^licen[cs]e(\.\w+)?$/i.test(one));
  if (file === undefined) throw new Error(`${name} has no licence text, so it may not be bundled`);
  return `${name} ${version}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
}

/** Keeps the licence texts of what is in the chunks beside them. */
function licences(fileName) {
  return {
    name: 'licences',
    generateBundle(_options, output) {
      const chunks = Object.values(output).filter((one) => one.type === 'chunk');
      const folders = new Set(chunks.flatMap(({ moduleIds }) => moduleIds.map(packageFolder)));
      folders.delete(undefined);
      const texts = [...folders].map(licenceOf).toSorted();
      this.emitFile({ type: 'asset', fileName, source: texts.join(`\n${'-'.repeat(80)}\n\n`) });
    },
  };
}

/** Puts the built status page into a folder beside the chunks; without it the command works, and says so at `/`. */
function statusPage(folder) {
  return {
    name: 'status page',
    generateBundle() {
      const from = join(dirname(require.resolve('@cortex-os/dashboard/package.json')), 'dist');
      if (!existsSync(from)) {
        this.warn('the status page is not built: run pnpm --filter @cortex-os/dashboard build');
        return;
      }
      for (const entry of readdirSync(from, { withFileTypes: true })) {
        if (!entry.isFile()) continue;
        const source = readFileSync(join(from, entry.name));
        this.emitFile({ type: 'asset', fileName: `${folder}/${entry.name}`, source });
      }
    },
  };
}

/** The bundle of an entry, and beside it undici and the loader of compiled code as files of their own. */
export function bundle({ input, dir, plugins = [] }) {
  const start = loadedAtStart();
  const entry = {
    input,
    platform: 'node',
    resolve: {
      // Our own packages from their sources, others as modules where they have them.
      conditionNames: ['cortex-source', 'node', 'import', 'default'],
      mainFields: ['module', 'main'],
    },
    external: isBuiltin,
    plugins: [
      promClient(),
      undiciImports(),
      lateUndici(),
      noDescriptions(),
      plainPino(),
      start.plugin,
      builtins(),
      oneByteText(),
      licences('LICENSES.txt'),
      compiled(['start', 'registry', 'registry-api']),
      ...plugins,
    ],
    output: {
      dir,
      cleanDir: true,
      format: 'esm',
      // A tenth of a start is reading the text. Ours is published too, and the maps lead to it.
      comments: false,
      sourcemap: true,
      sourcemapExcludeSources: true,
      chunkFileNames: '[name].js',
      codeSplitting: {
        groups: [{ name: 'start', test: (id) => start.has(id) }, ...REGISTRY],
      },
    },
  };
  const undici = {
    input: 'undici-parts',
    platform: 'node',
    external: (id) => id === 'undici' || isBuiltin(id),
    plugins: [undiciParts(), lateHttp2(), oneByteText(), licences('undici.LICENSE.txt')],
    output: { file: join(dir, 'undici.cjs'), format: 'cjs', comments: false },
  };
  const loader = {
    input: 'src/cli/load-compiled.ts',
    platform: 'node',
    external: isBuiltin,
    plugins: [builtins(), oneByteText()],
    output: { file: join(dir, 'load-compiled.js'), format: 'esm', comments: false },
  };
  return defineConfig([entry, undici, loader]);
}

// oxlint-disable-next-line import/no-default-export -- where the bundler looks for it
export default bundle({
  input: 'src/cli/main.ts',
  dir: 'dist/bin',
  plugins: [statusPage('page')],
});
