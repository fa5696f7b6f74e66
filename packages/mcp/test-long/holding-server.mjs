// A server over stdio with one tool: it holds as much memory as it is told to.
import { createInterface } from 'node:readline';

const MIB = 1_048_576;
const held = [];

function hold(mebibytes) {
  // Outside of the heap, and written to, so that the kernel counts it.
  while (held.length < mebibytes) held.push(Buffer.alloc(MIB, 1));
  held.length = mebibytes;
  globalThis.gc?.();
  return { content: [{ type: 'text', text: `holds ${held.length} MiB` }] };
}

const tool = {
  name: 'hold',
  inputSchema: { type: 'object', properties: { mebibytes: { type: 'integer' } } },
};
const methods = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: 'holder', version: '1' },
  }),
  'tools/list': () => ({ tools: [tool] }),
  'tools/call': ({ arguments: { mebibytes } }) => hold(mebibytes),
  ping: () => ({}),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) continue;
  const answer = methods[method];
  const body =
    answer === undefined
      ? { error: { code: -32601, message: 'Method not found' } }
      : { result: answer(params) };
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, ...body })}\n`);
}
