import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { CONTAINER_SCAN_BYTES } from '../../src/protocol/container-scan-bytes.ts';
import { TO, containerScanBytes } from '../../wasm/generate.ts';

test('container-scan-bytes.ts is what wasm/generate.ts makes of container-scan.wat', async () => {
  expect(await readFile(TO, 'utf8')).toBe(await containerScanBytes());
});

test('the module is small: it is a part of what every start reads', () => {
  expect(Buffer.from(CONTAINER_SCAN_BYTES, 'base64').length).toBeLessThan(2_048);
});
