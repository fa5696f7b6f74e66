// The control of the reload tests: answers as the gateway does, and ends at once on SIGINT, as a server without a
// handler does.
import { createServer } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';

const server = createServer((request, response) => {
  void (async () => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString() || '{}') as {
      id?: number;
      params?: { arguments?: { ms?: number } };
    };
    await wait(body.params?.arguments?.ms ?? 0);
    response
      .writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': 'naive' })
      .end(JSON.stringify({ jsonrpc: '2.0', id: body.id ?? null, result: { tools: [] } }));
  })();
});
server.listen(Number(process.env['PORT']), '127.0.0.1', () => process.send?.('ready'));
process.on('SIGINT', () => process.exit(0));
