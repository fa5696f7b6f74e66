// A server on standard streams that does one call after the other, as many do: `node serial-stdio-child.ts <wait|compute> <ms>`.
import { createInterface } from 'node:readline';
import { MODERN_VERSION, toolListJson, toolResultJson } from './message-bytes.ts';

const [, , kind, msText] = process.argv;
const workMs = Number(msText);
const TOOL = 'r512';
const list = toolListJson('modern', [TOOL], 0);
const result = toolResultJson(TOOL, 'modern');
const discovered =
  `{"supportedVersions":["${MODERN_VERSION}"],"capabilities":{"tools":{}},"resultType":"complete",` +
  '"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"serial","version":"0"}}}';

async function work(): Promise<void> {
  if (kind === 'wait') {
    await new Promise((resolve) => setTimeout(resolve, workMs));
    return;
  }
  const untilMs = performance.now() + workMs;
  while (performance.now() < untilMs);
}

async function resultFor(method: string): Promise<string | undefined> {
  if (method === 'server/discover') return discovered;
  if (method === 'tools/list') return list;
  if (method !== 'tools/call') return undefined;
  await work();
  return result;
}

for await (const line of createInterface({ input: process.stdin })) {
  const id = /"id":\s*("[^"]*"|\d+)/.exec(line)?.[1];
  if (id === undefined) continue;
  const answer = await resultFor(/"method":\s*"([^"]*)"/.exec(line)?.[1] ?? '');
  const body =
    answer === undefined
      ? '"error":{"code":-32601,"message":"Method not found"}'
      : `"result":${answer}`;
  process.stdout.write(`{"jsonrpc":"2.0","id":${id},${body}}\n`);
}
