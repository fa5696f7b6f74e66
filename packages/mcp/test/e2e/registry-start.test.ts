import { startUpstream, waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { sendModern } from '../gateway/raw-client.ts';
import { startServe } from './serve-process.ts';

/** Makes a process say when it loads the code of the registry. */
const HOOK = `
import { registerHooks } from 'node:module';
registerHooks({
  load(url, context, next) {
    if (url.includes('/mcp-registry/')) process.stderr.write('loads the registry\\n');
    return next(url, context);
  },
});`;

test('the code of a registry that does not exist is loaded after the first list, not before (contract.md, first list)', async () => {
  await using upstream = await startUpstream({ kind: 'modern-http' });
  process.env['NODE_OPTIONS'] = `--import=data:text/javascript,${encodeURIComponent(HOOK)}`;
  await using serve = await startServe({
    settings: { firstListWaitMs: 20_000 }, // a start from sources may take longer than the usual wait
    mcpServers: { web: { url: upstream.url } },
  });
  delete process.env['NODE_OPTIONS'];
  const { result } = (await sendModern(serve.url, 'tools/list')).json() as {
    result: { tools: unknown[] };
  };
  expect(result.tools.length).toBeGreaterThan(0);
  expect(serve.stderr()).not.toContain('loads the registry');
  await waitUntil(() => serve.stderr().includes('loads the registry'), {
    timeoutMs: 20_000,
    describe: 'the registry is opened a while later',
  });
}, 60_000);
