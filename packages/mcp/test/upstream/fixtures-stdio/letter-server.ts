// A legacy server on pipes that answers a call with what it was given, letter for letter, and never parses it.
import { createInterface } from 'node:readline';

const ARGUMENTS = /"arguments":(.*?)(?:,"_meta":\{[^{}]*\})?\}\}$/s;
const INITIALIZED =
  '{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"letter","version":"1"}}';
const LIST = '{"tools":[{"name":"big","inputSchema":{"type":"object"}}]}';

const lines = createInterface({ input: process.stdin, crlfDelay: Infinity });
lines.on('line', (line) => {
  const id = /"id":(\d+)/.exec(line)?.[1];
  if (id === undefined) return;
  const method = /"method":"([^"]+)"/.exec(line)?.[1];
  if (method === 'initialize') answer(id, INITIALIZED);
  else if (method === 'tools/list') answer(id, LIST);
  else if (method === 'tools/call')
    answer(id, `{"content":[],"structuredContent":${ARGUMENTS.exec(line)?.[1]}}`);
  else
    process.stdout.write(`{"jsonrpc":"2.0","id":${id},"error":{"code":-32601,"message":"no"}}\n`);
});

function answer(id: string, result: string): void {
  process.stdout.write(`{"result":${result},"jsonrpc":"2.0","id":${id}}\n`);
}
