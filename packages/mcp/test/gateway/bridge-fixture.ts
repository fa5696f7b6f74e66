import type { IncomingMessage, ServerResponse } from 'node:http';
import { waitUntil } from '@cortex-os/testkit';
import {
  createMessageBridge,
  type BridgeTarget,
  type MessageBridge,
  type MessageBridgeOptions,
} from '../../src/gateway/bridge/message-bridge.ts';
import { createPipedTarget, type PipedTarget } from './piped-target.ts';
import { INITIALIZE, INITIALIZED } from '../e2e/stdio-fixture.ts';

type Message = Record<string, unknown> & { params?: Record<string, unknown> };

/** What a service got. */
export interface Got {
  readonly verb: string;
  readonly headers: IncomingMessage['headers'];
  /** Undefined for a request without a body. */
  readonly message: Message | undefined;
}

type Answer = (got: Got, response: ServerResponse) => void;

export interface Service {
  readonly target: PipedTarget;
  readonly got: Got[];
  answer: Answer;
  /** Answers a GET that takes a stream up again; by default as any other. */
  onResume: Answer | undefined;
  /** Answers `initialize` in place of the usual result. */
  onInitialize: Answer | undefined;
  /** Answers the next GET with 404, once. */
  forgetStream: boolean;
  /** Streams that a GET has opened, the last one last. */
  readonly streams: ServerResponse[];
  methods(): string[];
}

export function json(response: ServerResponse, message: object, status = 200, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify({ jsonrpc: '2.0', ...message }));
}

export const result = (got: Got, value: object = {}) => ({
  id: got.message?.['id'],
  result: value,
});
const INITIALIZE_RESULT = {
  protocolVersion: '2025-11-25',
  capabilities: { tools: { listChanged: true }, prompts: {} },
  serverInfo: { name: 's', version: '1' },
};

/** A service that knows sessions, and answers everything else as the test says. */
export function startService(name = 's'): Service {
  let sessions = 0;
  const answerGet: Answer = (got, response) => {
    if (service.forgetStream) {
      service.forgetStream = false;
      response.writeHead(404).end();
    } else if (service.onResume && got.headers['last-event-id']) {
      service.onResume(got, response);
    } else {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': open\n\n');
      service.streams.push(response);
    }
  };
  const initialize: Answer = (got, response) => {
    if (service.onInitialize) {
      service.onInitialize(got, response);
      return;
    }
    sessions += 1;
    const headers = { 'mcp-session-id': `${name}${sessions}` };
    json(response, result(got, INITIALIZE_RESULT), 200, headers);
  };
  const standard: Answer = (got, response) => {
    const { verb, message } = got;
    if (verb === 'GET') answerGet(got, response);
    else if (verb === 'DELETE') response.writeHead(204).end();
    else if (message?.['method'] === 'initialize') initialize(got, response);
    else if (message?.['id'] === undefined) response.writeHead(202).end();
    else service.answer(got, response);
  };
  const service: Service = {
    got: [],
    streams: [],
    onResume: undefined,
    onInitialize: undefined,
    forgetStream: false,
    answer: (got, response) => json(response, result(got)),
    target: createPipedTarget((incoming, response) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const message = text === '' ? undefined : (JSON.parse(text) as Message);
        const got = { verb: incoming.method ?? '', headers: incoming.headers, message };
        service.got.push(got);
        standard(got, response);
      });
    }),
    methods: () =>
      service.got.map(({ verb, message }) =>
        message === undefined
          ? verb
          : typeof message['method'] === 'string'
            ? message['method']
            : 'response',
      ),
  };
  return service;
}

export interface Rig extends AsyncDisposable {
  readonly bridge: MessageBridge;
  readonly sent: Message[];
  readonly lost: (BridgeTarget | undefined)[];
  write(...messages: (object | string)[]): void;
  answerTo(id: string | number): Promise<Message>;
}

export function open(
  services: readonly Service[],
  options: Partial<MessageBridgeOptions> = {},
): Rig {
  const sent: Message[] = [];
  const lost: (BridgeTarget | undefined)[] = [];
  const bridge = createMessageBridge({
    locate: async (before) => {
      lost.push(before);
      const next = services[Math.min(lost.length, services.length) - 1];
      if (next === undefined) throw new Error('there is no service');
      return await Promise.resolve(next.target);
    },
    send: (text) => sent.push(JSON.parse(text) as Message),
    random: () => 0,
    ...options,
  });
  return {
    bridge,
    sent,
    lost,
    write: (...messages) => {
      for (const one of messages)
        bridge.receive(typeof one === 'string' ? one : JSON.stringify(one));
    },
    answerTo: async (id) => {
      const isIt = (message: Message): boolean => message['id'] === id && !('method' in message);
      await waitUntil(() => sent.some(isIt), { describe: `an answer to ${id}` });
      return sent.find(isIt) ?? {};
    },
    async [Symbol.asyncDispose]() {
      await bridge.close();
      await Promise.all(services.map(async ({ target }) => await target.close()));
    },
  };
}

/** A session that is open, stream and all. */
export async function openSession(services: readonly Service[], options = {}): Promise<Rig> {
  const rig = open(services, options);
  rig.write(INITIALIZE, INITIALIZED);
  await rig.answerTo('init');
  await waitUntil(() => services[0]?.streams.length === 1, { describe: 'the stream is open' });
  return rig;
}
