import { expect, test } from 'vitest';
import { heapFlagLine, supervisorOf, variableLine } from '../../src/proof/service-line.ts';

type Variables = Readonly<Record<string, string>>;

const started = (argv: string, env: Variables = {}) => ({
  argv: argv.split(' '),
  env: new Map(Object.entries(env)),
});
const supervisorWith = (env: Variables) => supervisorOf(started('', env).env);
const heapLine = (start: Parameters<typeof heapFlagLine>[0]) =>
  heapFlagLine(start, 'max-old-space-size', 700);
const preloadLine = (env: Variables) => variableLine(started('node', env), 'LD_PRELOAD', '/j.so');

test('supervisorOf() tells pm2 and systemd by what they leave in the environment', () => {
  expect(supervisorWith({ pm_id: '0', INVOCATION_ID: 'x' })).toBe('pm2');
  expect(supervisorWith({ pm2_env: '{}' })).toBe('pm2');
  expect(supervisorWith({ INVOCATION_ID: 'x' })).toBe('systemd');
  expect([supervisorWith({}), supervisorOf(undefined)]).toEqual(['hand', 'hand']);
});

test('heapFlagLine() is the line for whatever starts the service, and keeps its other flags', () => {
  expect(heapLine(undefined)).toBe('NODE_OPTIONS="--max-old-space-size=700" cortex-mcp serve');
  const env = { NODE_OPTIONS: '--max_old_space_size=9 --import x.js', INVOCATION_ID: 'x' };
  expect(heapLine(started('node main.js --max-old-space-size=1', env))).toBe(
    'Environment="NODE_OPTIONS=--import x.js --max-old-space-size=700" in a drop-in of the unit (deploy/systemd/cortex-mcp-memory.conf)',
  );
  expect(heapLine(started('node --max_old_space_size=9 main.js', env))).toBe(
    '--max-old-space-size=700 in place of --max_old_space_size=9 where the service is started',
  );
  const pm2 = started('node main.js', { pm_id: '1' });
  expect(heapLine(pm2)).toMatch(/^MCP_HEAP_MB=700 pm2 start/);
  expect(heapFlagLine(pm2, 'max-semi-space-size', 64)).toMatch(/^MCP_SEMI_SPACE_MB=64 pm2 start/);
});

test('variableLine() says where a variable of the service is set', () => {
  expect(preloadLine({})).toBe('LD_PRELOAD="/j.so" cortex-mcp serve');
  expect(preloadLine({ INVOCATION_ID: 'x' })).toMatch(/^Environment="LD_PRELOAD=\/j\.so" in a/);
  expect(preloadLine({ pm_id: '0' })).toBe('LD_PRELOAD="/j.so" where the daemon of pm2 is started');
});
