import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CallToolResultSchema, ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connector, startGateway, type TestGateway } from './gateway-fixture.ts';

const PROGRAM = fileURLToPath(
  new URL(
    '../../../../node_modules/@modelcontextprotocol/server-everything/dist/index.js',
    import.meta.url,
  ),
);
const RESEARCH = 'simulate-research-query';

let gateway: TestGateway;

beforeAll(async () => {
  const command = { command: process.execPath, args: [PROGRAM, 'stdio'], env: {}, cwd: undefined };
  gateway = await startGateway([connector('everything', { kind: 'stdio', ...command })]);
  await gateway.service.manager.sync();
  await gateway.service.settled();
}, 30_000);

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
});

async function research(url: string, name: string, topic: string) {
  const client = new Client(
    { name: topic, version: '0' },
    { capabilities: { elicitation: { form: {} }, tasks: { requests: {} } } },
  );
  client.setRequestHandler(ElicitRequestSchema, () => ({
    action: 'accept',
    content: { interpretation: `clear ${topic}` },
  }));
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  // The client learns from the list which tools want to be tasks.
  await client.listTools();
  const tasks = client.experimental.tasks;
  const seen: string[] = [];
  let text = '';
  const call = { name, arguments: { topic, ambiguous: true } };
  for await (const message of tasks.callToolStream(call, CallToolResultSchema)) {
    seen.push(message.type === 'taskStatus' ? message.task.status : message.type);
    if (message.type === 'result') text = JSON.stringify(message.result.content);
    if (message.type === 'error') throw message.error;
  }
  const listed = await tasks.listTasks();
  await client.close();
  return { seen, text, listed: listed.tasks };
}

test(
  'tasks of server-everything, its questions included, with the official client at both endpoints at once',
  { timeout: 30_000 },
  async () => {
    const [own, shared] = await Promise.all([
      research(gateway.url('everything'), RESEARCH, 'owls'),
      research(gateway.url(), `everything__${RESEARCH}`, 'bats'),
    ]);
    expect(own.text).toContain('clear owls');
    expect(shared.text).toContain('clear bats');
    for (const { seen, listed } of [own, shared]) {
      expect(seen).toEqual(expect.arrayContaining(['taskCreated', 'input_required', 'result']));
      expect(listed).toMatchObject([{ status: 'completed' }]);
    }
    expect(shared.listed[0]?.taskId).toMatch(/^everything:/);
  },
);
