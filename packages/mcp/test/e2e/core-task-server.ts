import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as textOf } from 'node:stream/consumers';

interface Asked {
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** A server of 2025-11-25 with tasks, as simple as clients that share it can guess: `t-1`, `t-2` … */
export interface CoreTaskServer extends AsyncDisposable {
  readonly url: string;
  readonly asked: readonly Asked[];
  /** Says how a task is on the stream of its session. */
  tell(taskId: string): void;
  /** Forgets a task. */
  expire(taskId: string): void;
  readonly listening: number;
}

const RELATED = 'io.modelcontextprotocol/related-task';

export async function startCoreTaskServer(): Promise<CoreTaskServer> {
  const asked: Asked[] = [];
  const tasks = new Map<string, string>();
  const streams = new Set<ServerResponse>();
  let made = 0;
  const taskOf = (taskId: string) => ({
    taskId,
    status: tasks.get(taskId),
    createdAt: '2026-01-01T00:00:00Z',
    lastUpdatedAt: '2026-01-01T00:00:00Z',
    ttl: null,
  });
  const resultFor = (method: string, params: Asked['params']): object | undefined => {
    const taskId = String(params['taskId']);
    if (method === 'initialize') {
      const capabilities = {
        tools: {},
        tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } },
      };
      return {
        protocolVersion: '2025-11-25',
        capabilities,
        serverInfo: { name: 't', version: '1' },
      };
    }
    if (method === 'tools/list') {
      const execution = { taskSupport: 'optional' };
      return { tools: [{ name: 'slow', inputSchema: { type: 'object' }, execution }] };
    }
    if (method === 'tools/call' && params['task'] === undefined) return { content: [] };
    if (method === 'tools/call') {
      made += 1;
      tasks.set(`t-${made}`, 'working');
      return { task: taskOf(`t-${made}`) };
    }
    if (method === 'tasks/list') return { tasks: [...tasks.keys()].map(taskOf) };
    if (!tasks.has(taskId)) return undefined;
    if (method === 'tasks/cancel') tasks.set(taskId, 'cancelled');
    if (method === 'tasks/get' || method === 'tasks/cancel') return taskOf(taskId);
    // What belongs to the tool is the tool's, whatever it is called.
    return { content: [], taskId: 'its own', _meta: { [RELATED]: { taskId } } };
  };
  const server = createServer((request, response) => {
    void (async () => {
      if (request.method === 'GET') {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
        streams.add(response);
        response.once('close', () => streams.delete(response));
        return;
      }
      const body = await textOf(request);
      if (body === '') {
        response.writeHead(200).end();
        return;
      }
      const { id, method, params = {} } = JSON.parse(body);
      if (id === undefined) {
        response.writeHead(202).end();
        return;
      }
      asked.push({ method, params });
      const isModern = method === 'server/discover';
      const result = isModern ? undefined : resultFor(method, params);
      const code = isModern ? -32_601 : -32_602;
      const answer = result === undefined ? { error: { code, message: 'no such' } } : { result };
      const text = JSON.stringify({ jsonrpc: '2.0', id, ...answer });
      if (method !== 'tasks/result' || result === undefined) {
        response.writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': 's' });
        response.end(text);
        return;
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const related = { [RELATED]: { taskId: params.taskId } };
      const told = { level: 'info', data: 'x', _meta: related };
      const log = { method: 'notifications/message', params: told };
      response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...log })}\n\n`);
      response.end(`data: ${text}\n\n`);
    })();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    asked,
    get listening() {
      return streams.size;
    },
    tell(taskId) {
      const method = 'notifications/tasks/status';
      const text = JSON.stringify({ jsonrpc: '2.0', method, params: taskOf(taskId) });
      for (const stream of streams) stream.write(`data: ${text}\n\n`);
    },
    expire: (taskId) => void tasks.delete(taskId),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
