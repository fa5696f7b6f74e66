import { readFileSync } from 'node:fs';
import { startUpstream, waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { configFolder } from '../config/config-folder.ts';
import { sendModern } from '../gateway/raw-client.ts';
import { startGateway } from './gateway-fixture.ts';

const ONE = { timeoutMs: 15_000, describe: 'one process serves' };

/** What a process was given by this name, as the kernel keeps it. Linux only. */
function given(pid: number | undefined, name: string): string | undefined {
  const words = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  return words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
}

test.runIf(process.platform === 'linux')(
  'an edited memory of an entry starts its process anew, as another command does, and calls go on (S1-B5)',
  async () => {
    await using server = await startUpstream({ kind: 'modern-stdio' });
    await using folder = await configFolder();
    const { command, args, env } = server.command;
    const load = async (memory?: object) => {
      const one = { command, args, env, ...(memory && { memory }) };
      await folder.write('cortex-mcp.json', { mcpServers: { one } });
      const { connectors, warnings } = await folder.load();
      expect(warnings).toEqual([]);
      return connectors;
    };
    await using gateway = await startGateway(await load());
    const call = async (): Promise<number> => {
      const params = { name: 'one__echo', arguments: { message: 'x' } };
      const { status, text } = await sendModern(gateway.url(), 'tools/call', params);
      expect(text).toContain('"result"');
      return status;
    };
    const processOf = async (): Promise<number | undefined> => {
      await waitUntil(() => server.processes().length === 1, ONE);
      return server.processes()[0];
    };
    await waitUntil(async () => {
      const { text } = await sendModern(gateway.url(), 'tools/list');
      return text.includes('one__echo');
    }, ONE);
    expect(await call()).toBe(200);
    const before = await processOf();
    expect(given(before, 'NODE_OPTIONS')).toBeUndefined();

    await gateway.service.apply(await load({ tier: 'light', semiSpaceMiB: 1 }));
    expect(await call()).toBe(200);
    const after = await processOf();
    expect(after).not.toBe(before);
    expect(given(after, 'NODE_OPTIONS')).toBe('--max-old-space-size=350 --max-semi-space-size=1');

    await gateway.service.apply(await load({ tier: 'light', semiSpaceMiB: 1 }));
    expect(await call()).toBe(200);
    expect(await processOf()).toBe(after);
  },
);
