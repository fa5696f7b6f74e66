import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { expect, test } from 'vitest';
import { startAskingServer } from './asking-server.ts';
import { connector, startGateway } from './gateway-fixture.ts';

test.each([undefined, 'asking'])(
  'a client’s progress with a question reaches the server that asked, at the endpoint of %s',
  async (connectorId) => {
    await using server = await startAskingServer();
    await using gateway = await startGateway([
      connector('asking', { kind: 'http', url: server.url, headers: {} }),
    ]);
    await gateway.service.manager.sync();
    await gateway.service.settled();
    const client = new Client(
      { name: 'slow user', version: '0' },
      { capabilities: { elicitation: { form: {} } } },
    );
    client.setRequestHandler(ElicitRequestSchema, async (request, extra) => {
      const { _meta: meta } = request.params;
      const progressToken = meta?.progressToken;
      if (progressToken === undefined) throw new Error('no token');
      for (const progress of [1, 2]) {
        const params = { progressToken, progress, total: 2, message: `step ${progress}` };
        await extra.sendNotification({ method: 'notifications/progress', params });
      }
      return { action: 'accept', content: { reply: 'done' } };
    });
    await client.connect(new StreamableHTTPClientTransport(new URL(gateway.url(connectorId))));
    const name = connectorId === undefined ? 'asking__progressing' : 'progressing';
    const { content } = await client.callTool({ name });
    await client.close();
    const [{ text }] = content as [{ text: string }];
    expect(JSON.parse(text)).toEqual({
      heard: [
        { progress: 1, total: 2, message: 'step 1' },
        { progress: 2, total: 2, message: 'step 2' },
      ],
      answer: { action: 'accept', content: { reply: 'done' } },
    });
  },
);
