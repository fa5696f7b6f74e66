// What holding streams costs by itself: a server of Node that opens one for every request and never ends it.
const { createServer } = require('node:http');

const streams = new Set();
const server = createServer({ keepAliveTimeout: 600_000, noDelay: true }, (_request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(': open\n\n');
  streams.add(response);
  response.once('close', () => streams.delete(response));
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${server.address().port}/mcp\n`);
});
