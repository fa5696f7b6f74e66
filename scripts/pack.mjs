/**
 * `npm run pack`: makes `cortex-os-mcp-<version>.tgz`, which `npx ./cortex-os-mcp-*.tgz` runs on a machine that has
 * nothing but Node and an npm registry. The registry package is not published on its own, so it is bundled; what both
 * need from npm is installed from there, in the versions that were tested.
 *
 * `--no-build` packs what is built already, `--to <folder>` puts the file elsewhere than here.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { install } from './install.mjs';
import {
  endRunningCommandsOnSignal,
  formatSeconds,
  print,
  printOutput,
  root,
  run,
} from './workspace.mjs';

const BUNDLED = '@cortex-os/mcp-registry';
/** The compiler leaves behind what has no source any more; this is not its own. */
const NOT_COMPILED = new Set(['bin']);

function packageFolder(name) {
  return join(root, 'packages', name);
}

function manifestOf(folder) {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}

/** Versions that the workspace has agreed on: `name: 1.2.3` lines below `catalog:`. */
function catalog() {
  const text = readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8');
  const block = /^catalog:\n((?: .*\n|\n)*)/m.exec(text)?.[1] ?? '';
  const lines = [...block.matchAll(/^ +'?([^'\s:#]+)'?: +(\S+)$/gm)];
  return new Map(lines.map(([, name, version]) => [name, version]));
}

function pinned(dependencies, versions, own) {
  return Object.fromEntries(
    Object.entries(dependencies).map(([name, range]) => {
      if (name === BUNDLED) return [name, own];
      if (range !== 'catalog:') return [name, range];
      const version = versions.get(name);
      if (version === undefined) throw new Error(`${name} is not in the catalog`);
      return [name, version];
    }),
  );
}

/** What npm reads of a package: nothing of the workspace, and no sources that only its own tools resolve. */
function published(manifest, versions, own) {
  const { devDependencies: _dev, scripts: _scripts, private: _private, ...kept } = manifest;
  return { ...kept, dependencies: pinned(manifest.dependencies ?? {}, versions, own) };
}

function write(folder, manifest) {
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
}

/** Whether a compiled file still has its source. */
function hasSource(folder, path) {
  const [first, ...rest] = relative(join(folder, 'dist'), path).split('/');
  if (rest.length > 0 && NOT_COMPILED.has(first)) return true;
  const stem = relative(join(folder, 'dist'), path).replace(/(?:\.d)?\.[jt]s(?:\.map)?$/, '');
  return existsSync(join(folder, 'src', `${stem}.ts`));
}

function copyPackage(from, to) {
  const { files } = manifestOf(from);
  mkdirSync(to, { recursive: true });
  for (const name of [...files, 'README.md', 'LICENSE']) {
    const source = join(from, name);
    if (!existsSync(source)) continue;
    cpSync(source, join(to, name), {
      recursive: true,
      filter: (path) =>
        !path.startsWith(join(from, 'dist')) ||
        statSync(path).isDirectory() ||
        hasSource(from, path),
    });
  }
  const licence = join(root, 'LICENSE');
  if (!existsSync(join(to, 'LICENSE')) && existsSync(licence)) cpSync(licence, join(to, 'LICENSE'));
}

function stage(folder) {
  const versions = catalog();
  const registry = packageFolder('mcp-registry');
  const { version } = manifestOf(registry);
  const main = packageFolder('mcp');
  copyPackage(main, folder);
  const bundle = join(folder, 'node_modules', ...BUNDLED.split('/'));
  copyPackage(registry, bundle);
  write(bundle, published(manifestOf(registry), versions, version));
  const own = manifestOf(registry).dependencies;
  const manifest = published(manifestOf(main), versions, version);
  // npm takes a bundled package as it is, so what it needs has to be asked for here.
  const missing = Object.fromEntries(
    Object.entries(pinned(own, versions, version)).filter(
      ([name]) => manifest.dependencies[name] === undefined,
    ),
  );
  manifest.dependencies = { ...manifest.dependencies, ...missing };
  write(folder, { ...manifest, bundleDependencies: [BUNDLED] });
}

async function step(name, work) {
  const result = await work();
  if (result.code === 0) return result;
  print(`${name} failed after ${formatSeconds(result.seconds)}:`);
  printOutput(result.output);
  return process.exit(1);
}

const { values } = parseArgs({
  options: { to: { type: 'string' }, 'no-build': { type: 'boolean', default: false } },
});
endRunningCommandsOnSignal();
if (!values['no-build']) {
  await step('install', install);
  await step('build', () => run('turbo', ['run', 'build', '--filter=@cortex-os/mcp...']));
}
if (!existsSync(join(packageFolder('mcp'), 'dist', 'bin', 'main.js'))) {
  print('not built yet; run npm run build, or leave out --no-build');
  process.exit(1);
}
const target = resolve(values.to ?? root);
mkdirSync(target, { recursive: true });
const staging = mkdtempSync(join(tmpdir(), 'cortex-pack-'));
try {
  const folder = join(staging, 'package');
  stage(folder);
  // The machine's own npm: it is what unpacks the file elsewhere.
  await step('pack', () =>
    run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', target], {
      cwd: folder,
      env: {
        ...process.env,
        npm_config_cache: join(staging, 'cache'),
        npm_config_update_notifier: 'false',
      },
    }),
  );
  const { version } = manifestOf(folder);
  const file = readdirSync(target).find((name) => name === `cortex-os-mcp-${version}.tgz`);
  if (file === undefined) throw new Error('npm has made no file');
  const megabytes = (statSync(join(target, file)).size / 1_000_000).toFixed(1);
  print(`${join(target, file)} (${megabytes} MB)`);
} finally {
  rmSync(staging, { recursive: true, force: true });
}
