// A server on standard streams that does no more than it must: `node raw-stdio-child.ts <era> <tool …>`.
import { LEGACY_VERSION, MODERN_VERSION, toolListJson, toolResultJson } from './message-bytes.ts';

const [, , eraName, ...tools] = process.argv;
const era = eraName === 'modern' ? 'modern' : 'legacy';
const HEAD_CHARS = 4_096;
const CAPABILITIES = '{"tools":{}}';
const SERVER_INFO = '{"name":"raw","version":"0"}';
const complete = era === 'modern' ? '"resultType":"complete",' : '';
const results = new Map(tools.map((name) => [name, toolResultJson(name, era)]));
const list = toolListJson(era, tools, 0);

function resultFor(method: string, text: string): string | undefined {
  switch (method) {
    case 'tools/call':
      return results.get(/"name":\s*"([^"]*)"/.exec(text)?.[1] ?? '');
    case 'tools/list':
      return list;
    case 'server/discover':
      return era === 'legacy'
        ? undefined
        : `{"supportedVersions":["${MODERN_VERSION}"],"capabilities":${CAPABILITIES},${complete}` +
            `"_meta":{"io.modelcontextprotocol/serverInfo":${SERVER_INFO}}}`;
    case 'initialize':
      return era === 'modern'
        ? undefined
        : `{"protocolVersion":"${LEGACY_VERSION}","capabilities":${CAPABILITIES},"serverInfo":${SERVER_INFO}}`;
    default:
      return undefined;
  }
}

function answerTo(line: Buffer): string {
  const text = line.toString('latin1', 0, HEAD_CHARS);
  const id = /"id":\s*("[^"]*"|\d+)/.exec(text)?.[1];
  if (id === undefined) return '';
  const method = /"method":\s*"([^"]*)"/.exec(text)?.[1] ?? '';
  const result = resultFor(method, text);
  return result === undefined
    ? `{"jsonrpc":"2.0","id":${id},"error":{"code":-32601,"message":"Method not found"}}\n`
    : `{"jsonrpc":"2.0","id":${id},"result":${result}}\n`;
}

let rest: Buffer | undefined;
process.stdin.on('data', (chunk: Buffer) => {
  let data = rest === undefined ? chunk : Buffer.concat([rest, chunk]);
  let out = '';
  for (let end = data.indexOf(10); end !== -1; end = data.indexOf(10)) {
    out += answerTo(data.subarray(0, end));
    data = data.subarray(end + 1);
  }
  rest = data.length === 0 ? undefined : data;
  if (out !== '') process.stdout.write(out);
});
process.stdin.on('end', () => process.exit());
