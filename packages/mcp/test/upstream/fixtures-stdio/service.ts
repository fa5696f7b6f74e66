/**
 * A service in small: connects the servers named in its argument with the real modules, prints their
 * process ids, and closes on SIGINT and SIGTERM. Argument: JSON of argument lists for `server.ts`.
 */
import { createReaper } from '../../../src/upstream/process/reaper.ts';
import { createStdioUpstream } from '../../../src/upstream/stdio/stdio-upstream.ts';
import { serverDefinition } from './server-definition.ts';

const servers: string[][] = JSON.parse(process.argv[2] ?? '[]');
const reaper = createReaper();
const upstreams = servers.map((args, index) =>
  createStdioUpstream(serverDefinition(`server-${index}`, args), {
    events: { notification: () => undefined, closed: () => undefined },
    clientInfo: { name: 'service', version: '0' },
    baseEnv: process.env,
    reaper,
    random: () => 0,
    onStderr: (line) => process.stdout.write(`${line}\n`),
  }),
);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    void Promise.all(upstreams.map(async (upstream) => upstream.close())).then(async () =>
      reaper.close(),
    );
  });
}

for (const [index, upstream] of upstreams.entries()) {
  const connecting = upstream.connect(new AbortController().signal).catch(() => undefined);
  if (servers[index]?.includes('--hang') !== true) await connecting;
}
process.stdout.write(`reaper ${reaper.pid}\nup\n`);
