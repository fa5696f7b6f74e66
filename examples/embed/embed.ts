// The gateway inside a program of your own: one server, its tools, one call.
import { fileURLToPath } from 'node:url';
import { createGateway } from '@cortex-os/mcp';

const server = import.meta.resolve('@modelcontextprotocol/server-everything/dist/index.js');

// Closed at the end of the block, with every process it started.
await using gateway = await createGateway({
  mcpServers: {
    everything: { command: process.execPath, args: [fileURLToPath(server), 'stdio'] },
  },
});

const { url } = await gateway.start();
process.stdout.write(`serving ${url}\n`);

await gateway.manager.sync(true);
await gateway.settled();
process.stdout.write(`${gateway.tools().length} tools\n`);

const answer = await gateway.call('everything__get-sum', '{"a":2,"b":3}');
process.stdout.write(`${answer}\n`);
