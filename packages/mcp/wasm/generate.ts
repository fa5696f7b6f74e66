/** Writes the module of container-scan.wat as text: node wasm/generate.ts */
import { readFile, writeFile } from 'node:fs/promises';
import initWabt from 'wabt';

const PROTOCOL = new URL('../src/protocol/', import.meta.url);
const FROM = 'container-scan.wat';
/** Where the module is kept. */
export const TO: URL = new URL('container-scan-bytes.ts', PROTOCOL);

/** The source text that has the module as base64. */
export async function containerScanBytes(): Promise<string> {
  const wabt = await initWabt();
  const module = wabt.parseWat(FROM, await readFile(new URL(FROM, PROTOCOL), 'utf8'), {
    simd: true,
  });
  module.validate();
  const { buffer } = module.toBinary({});
  module.destroy();
  const lines = Buffer.from(buffer)
    .toString('base64')
    .match(/.{1,90}/g);
  return [
    `/** ${FROM} as base64, made by \`node wasm/generate.ts\`. */`,
    'export const CONTAINER_SCAN_BYTES: string =',
    `${(lines ?? []).map((line) => `  '${line}'`).join(' +\n')};`,
    '',
  ].join('\n');
}

if (import.meta.main) await writeFile(TO, await containerScanBytes());
