import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const RUN = fileURLToPath(new URL('run.ts', import.meta.url));

test('the full counts of kills, failing calls, damage and power cuts lose nothing that was acknowledged (F1, F2, F3, F6, F8, F17)', async () => {
  const child = spawn(process.execPath, [RUN], { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  process.stdout.write(printed);
  expect({ code, printed }).toMatchObject({ code: 0 });
}, 2_400_000);
