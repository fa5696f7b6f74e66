// A stdio server that must not run twice: it holds a file, and does not start while another one does.
import { closeSync, openSync, unlinkSync } from 'node:fs';
import { createInterface } from 'node:readline';

const lock = process.argv[2] ?? '';
closeSync(openSync(lock, 'wx'));
process.on('exit', () => unlinkSync(lock));
process.on('SIGTERM', () => process.exit(0));

const TOOL = {
  name: 'who',
  description: 'Says which process it is.',
  inputSchema: { type: 'object' },
};

interface Message {
  readonly id?: number | string;
  readonly method: string;
  readonly params?: { readonly protocolVersion?: string };
}

function resultOf({ method, params }: Message): object | undefined {
  if (method === 'initialize') {
    return {
      protocolVersion: params?.protocolVersion,
      capabilities: { tools: {} },
      serverInfo: { name: 'locking', version: '1' },
    };
  }
  if (method === 'tools/list') return { tools: [TOOL] };
  if (method === 'tools/call') return { content: [{ type: 'text', text: String(process.pid) }] };
  return undefined;
}

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const message = JSON.parse(line) as Message;
  if (message.id === undefined) return;
  const result = resultOf(message);
  const error = { code: -32_601, message: 'Method not found' };
  const answer = result === undefined ? { error } : { result };
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id: message.id, ...answer })}\n`);
});
lines.on('close', () => process.exit(0));
