// Starts a gateway as the suites do, in place of the worker of the test runner, and says its process id.
import { spawnAttacked } from './attacked-child.ts';

const [folder = ''] = process.argv.slice(2);
const child = spawnAttacked(['--config', `${folder}/cortex-mcp.json`, '--port', '0'], {
  PATH: process.env['PATH'],
  HOME: folder,
  CORTEX_HOME: folder,
});
child.stdout?.on('data', (chunk: Buffer) => {
  if (chunk.includes('/mcp')) process.stdout.write(`pid ${child.pid}\n`);
});
