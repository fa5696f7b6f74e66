import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startUpstream, type RunningUpstream } from '@cortex-os/testkit';
import type { Browser } from 'puppeteer-core';
import { DEFAULT_TIMEOUTS, type ConnectorDefinition } from '../../src/connectors/connector.ts';
import { connector, connectorFor } from '../e2e/gateway-fixture.ts';
import { readJsonBody } from './read-json-body.ts';

/** What the texts of a hostile server try. */
export const HOSTILE_TEXT =
  '<img src=x onerror="document.title=1"><script>document.title=2</script> \u202Egnp.exe \u200Bend';

const QUESTION = {
  resultType: 'input_required',
  requestState: 'state-1',
  inputRequests: {
    who: {
      method: 'elicitation/create',
      params: {
        mode: 'form',
        message: 'Who is it for?',
        requestedSchema: {
          type: 'object',
          required: ['name'],
          properties: { name: { type: 'string', title: 'Name' } },
        },
      },
    },
  },
};

interface CallParams {
  readonly name?: string;
  readonly requestState?: string;
  readonly inputResponses?: { readonly who?: { readonly content?: { readonly name?: string } } };
}

function callResult(params: unknown): object {
  const { name = '', requestState, inputResponses } = params as CallParams;
  if (name === 'ask' && requestState !== 'state-1') return QUESTION;
  const text = name === 'ask' ? `for ${inputResponses?.who?.content?.name}` : HOSTILE_TEXT;
  return { resultType: 'complete', content: [{ type: 'text', text }] };
}

/** A server whose texts are hostile, and which asks before it answers. */
async function startHostile(): Promise<Server & { readonly url: string }> {
  const tools = [
    { name: 'ask', description: 'Asks.', inputSchema: { type: 'object' } },
    {
      name: 'take',
      title: HOSTILE_TEXT,
      description: HOSTILE_TEXT,
      inputSchema: { type: 'object' },
    },
  ];
  const hints = { resultType: 'complete', ttlMs: 600_000, cacheScope: 'public' };
  const results: Readonly<Record<string, object>> = {
    'server/discover': { supportedVersions: ['2026-07-28'], capabilities: { tools: {} }, ...hints },
    'tools/list': { tools, ...hints },
  };
  const server = createServer((request, response) => {
    void readJsonBody(request).then(({ id, method, params }) => {
      const result = method === 'tools/call' ? callResult(params) : results[String(method)];
      const error = { code: -32_601, message: 'Method not found' };
      response.writeHead(result === undefined ? 404 : 200, { 'content-type': 'application/json' });
      return response.end(
        JSON.stringify({ jsonrpc: '2.0', id, ...(result ? { result } : { error }) }),
      );
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return Object.assign(server, { url: `http://127.0.0.1:${port}/mcp` });
}

/** What all tests of the page share: a browser, and servers of every sort behind the gateways that they start. */
export interface PageWorld {
  readonly browser: Browser;
  readonly connectors: readonly ConnectorDefinition[];
  readonly healthy: RunningUpstream;
  close(): Promise<void>;
}

/** Healthy, hung, dead, stdio and hostile. */
export async function createWorld(browser: Browser): Promise<PageWorld> {
  const healthy = await startUpstream({ kind: 'modern-http', ttlMs: 600_000, toolCount: 150 });
  const stdio = await startUpstream({ kind: 'legacy-stdio' });
  const hung = await startUpstream({
    kind: 'modern-http',
    faults: [{ kind: 'hang-before-headers' }],
  });
  const hostile = await startHostile();
  const timeouts = { ...DEFAULT_TIMEOUTS, handshakeTimeoutMs: 500, listTimeoutMs: 500 };
  return {
    browser,
    healthy,
    connectors: [
      connectorFor(healthy, 'healthy'),
      connectorFor(hung, 'hung', { timeouts }),
      connector('dead', { kind: 'http', url: 'http://127.0.0.1:1/mcp', headers: {} }),
      connectorFor(stdio, 'local'),
      connector('hostile', { kind: 'http', url: hostile.url, headers: {} }),
    ],
    close: async () => {
      await browser.close();
      await Promise.all([healthy, stdio, hung].map(async (one) => await one.close()));
      hostile.closeAllConnections();
      hostile.close();
    },
  };
}
