import process from 'node:process';
import { clientConfigFiles, type ClientName, clientNames } from '@cortex-os/mcp-registry';
import type { CliIo } from './cli-io.ts';

/** How a client reaches the gateway. */
export type Reach =
  | {
      readonly kind: 'http';
      readonly url: string;
      readonly headers: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: 'stdio';
      readonly command: string;
      readonly args: readonly string[];
      readonly env: Readonly<Record<string, string>>;
    };

/** One client: where its file is, and how its entries are written. */
export interface ConnectClient {
  readonly name: ClientName;
  readonly title: string;
  /** The user's own file, whether it is there or not. */
  readonly file: string;
  /** The format, and the member or table that holds the servers. */
  readonly format: 'json' | 'toml';
  readonly servers: 'mcpServers' | 'servers' | 'mcp_servers';
  /** It starts programs only, so it gets `cortex-mcp stdio`. */
  readonly stdioOnly: boolean;
  /** What makes it read its file again. */
  readonly restart: string;
  /** The entry, in the client's words. */
  entry(reach: Reach): Readonly<Record<string, unknown>>;
}

type Facts = Omit<ConnectClient, 'name' | 'file' | 'entry'> & {
  readonly urlKey: 'url' | 'httpUrl';
  readonly headersKey: 'headers' | 'http_headers';
  /** Whether entries say of which type they are. */
  readonly typed: boolean;
};

const JSON_CLIENT = {
  format: 'json',
  servers: 'mcpServers',
  stdioOnly: false,
  urlKey: 'url',
  headersKey: 'headers',
  typed: false,
} as const;

const CLIENTS: Readonly<Record<ClientName, Facts>> = {
  'claude-desktop': {
    ...JSON_CLIENT,
    title: 'Claude Desktop',
    stdioOnly: true,
    restart: 'quit Claude Desktop and open it again',
  },
  'claude-code': {
    ...JSON_CLIENT,
    title: 'Claude Code',
    typed: true,
    restart: 'start a new session of Claude Code; /mcp shows the server',
  },
  cursor: {
    ...JSON_CLIENT,
    title: 'Cursor',
    restart: 'Cursor picks it up by itself; see Settings, MCP',
  },
  vscode: {
    ...JSON_CLIENT,
    title: 'VS Code',
    servers: 'servers',
    typed: true,
    restart: 'run "MCP: List Servers" in VS Code and start it',
  },
  codex: {
    ...JSON_CLIENT,
    title: 'Codex',
    format: 'toml',
    servers: 'mcp_servers',
    headersKey: 'http_headers',
    restart: 'start a new session of Codex; /mcp shows the server',
  },
  gemini: {
    ...JSON_CLIENT,
    title: 'Gemini CLI',
    urlKey: 'httpUrl',
    restart: 'start a new session of Gemini CLI; /mcp shows the server',
  },
};

function entryOf(facts: Facts, reach: Reach): Record<string, unknown> {
  if (reach.kind === 'stdio') {
    const { command, args, env } = reach;
    return {
      ...(facts.servers === 'servers' && { type: 'stdio' }),
      command,
      args,
      ...(Object.keys(env).length > 0 && { env }),
    };
  }
  return {
    ...(facts.typed && { type: 'http' }),
    [facts.urlKey]: reach.url,
    ...(Object.keys(reach.headers).length > 0 && { [facts.headersKey]: reach.headers }),
  };
}

function fileOf(name: ClientName, { home, cwd, env }: CliIo): string {
  const { platform } = process;
  const files = clientConfigFiles({ platform, home, cwd, variables: env });
  return files.find(({ client, folder }) => client === name && folder === undefined)?.file ?? '';
}

function clientHere(name: ClientName, io: CliIo): ConnectClient {
  const { urlKey: _url, headersKey: _headers, typed: _typed, ...facts } = CLIENTS[name];
  const file = fileOf(name, io);
  return { ...facts, name, file, entry: (reach) => entryOf(CLIENTS[name], reach) };
}

/** Every client with its file on this machine. */
export function connectClients(io: CliIo): readonly ConnectClient[] {
  return clientNames.map((name) => clientHere(name, io));
}
