/** `json` and `ts` blocks of documents: configurations are read as the service reads them, programs are type-checked. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../packages/mcp/src/config/config.ts';
import { asConfiguration } from './docs-blocks.mjs';
import { root, run } from './workspace.mjs';

/** Variables that a block refers to exist, and so does the file of the key it names. */
export async function checkConfiguration({ body, place }, folder) {
  const value = asConfiguration(body);
  if (value === undefined) return [];
  const file = join(folder, 'configuration.json');
  writeFileSync(file, JSON.stringify(value));
  const { publicKey } = generateKeyPairSync('ed25519');
  writeFileSync(join(folder, 'map-key.pem.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
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
    return [{ place, code: error.code, output: error.message }];
  }
}

/** A built type of a package, as `paths` of a tsconfig want it. */
const dist = (name, file) => [join(root, 'packages', name, 'dist', file)];

/** Type-checks every `ts` block as a program of its own, inside the workspace so that packages are found. */
export async function checkTypes(blocks) {
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
