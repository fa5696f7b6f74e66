import { once } from 'node:events';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { portOf } from '../http/port-of.ts';
import { createSocketSet } from '../socket-set.ts';
import type { OAuthTestServer } from './oauth-server.ts';

/** What a guard decides about one request; a text is the `error` of the challenge. */
export type GuardVerdict = 'pass' | 'invalid_token' | 'insufficient_scope';

export interface GuardedServerOptions {
  /** The MCP server behind it. */
  readonly target: string;
  /** Whose tokens are good here. */
  readonly issuer: Pick<OAuthTestServer, 'issuer' | 'grants'>;
  /** Scopes without which the answer is 403 `insufficient_scope`. Default: none. */
  readonly scopes?: readonly string[];
  /** The scopes of a 401's challenge. Default: none are named. */
  readonly challengeScope?: string;
  /** Changes the resource metadata, e.g. to lie. */
  readonly metadata?: (
    truth: Readonly<Record<string, unknown>>,
  ) => Readonly<Record<string, unknown>>;
  /** Answers in place of the server when it returns true. */
  readonly intercept?: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Overrides what is decided about a request. */
  readonly verdict?: (truth: GuardVerdict, request: IncomingMessage) => GuardVerdict;
  /** `resource_metadata` of challenges. Default: the well-known address; null leaves it out. */
  readonly metadataUrl?: string | null;
}

/** A resource server (RFC 9728, RFC 6750) in front of an MCP server. */
export interface GuardedServer extends AsyncDisposable {
  readonly origin: string;
  /** Of the MCP endpoint. */
  readonly url: string;
  /** Headers of every request to the endpoint, in order. */
  readonly headers: readonly IncomingMessage['headers'][];
  /** Requests that were passed on, refused with 401, refused with 403; and those that were GET. */
  readonly counts: { passed: number; unauthorized: number; forbidden: number; gets: number };
}

const WELL_KNOWN = '/.well-known/oauth-protected-resource';

function judge(
  request: IncomingMessage,
  options: GuardedServerOptions,
  resource: string,
): GuardVerdict {
  const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
  const given = options.issuer.grants.access.get(token);
  const good =
    given !== undefined && given.endsAtMs > performance.now() && given.resource === resource;
  if (!good) return 'invalid_token';
  const missing = (options.scopes ?? []).some((scope) => !given.scopes.includes(scope));
  return missing ? 'insufficient_scope' : 'pass';
}

function pass(request: IncomingMessage, response: ServerResponse, target: URL): void {
  const { authorization: _token, host: _host, ...headers } = request.headers;
  const path = request.url ?? '/';
  const onward = httpRequest(
    {
      host: target.hostname,
      port: target.port,
      path,
      method: request.method,
      headers,
      agent: false,
    },
    (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    },
  );
  onward.on('error', () => response.destroy());
  response.on('close', () => onward.destroy());
  request.pipe(onward);
}

/** The answer to a request without what it needs. */
function challenge(
  verdict: Exclude<GuardVerdict, 'pass'>,
  options: GuardedServerOptions,
  metadataUrl: string,
): string {
  const needed = (options.scopes ?? []).join(' ');
  const scope = verdict === 'insufficient_scope' ? needed : (options.challengeScope ?? '');
  const named = options.metadataUrl === undefined ? metadataUrl : options.metadataUrl;
  const parts = [
    `error="${verdict}"`,
    ...(named === null ? [] : [`resource_metadata="${named}"`]),
    ...(scope === '' ? [] : [`scope="${scope}"`]),
  ];
  return `Bearer ${parts.join(', ')}`;
}

class Guard {
  readonly headers: IncomingMessage['headers'][] = [];
  readonly counts: GuardedServer['counts'] = { passed: 0, unauthorized: 0, forbidden: 0, gets: 0 };
  readonly #options: GuardedServerOptions;
  readonly #target: URL;
  origin = '';

  constructor(options: GuardedServerOptions) {
    this.#options = options;
    this.#target = new URL(options.target);
  }

  get url(): string {
    return this.origin + this.#target.pathname;
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    if (this.#options.intercept?.(request, response) === true) return;
    if (request.url?.startsWith(WELL_KNOWN) === true) this.#describe(response);
    else this.#guard(request, response);
  }

  #describe(response: ServerResponse): void {
    const { issuer, metadata } = this.#options;
    const truth = { resource: this.url, authorization_servers: [issuer.issuer] };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(metadata?.(truth) ?? truth));
  }

  #guard(request: IncomingMessage, response: ServerResponse): void {
    this.headers.push(request.headers);
    if (request.method === 'GET') this.counts.gets += 1;
    const truth = judge(request, this.#options, this.url);
    const verdict = this.#options.verdict?.(truth, request) ?? truth;
    if (verdict === 'pass') {
      this.counts.passed += 1;
      pass(request, response, this.#target);
      return;
    }
    const status = verdict === 'invalid_token' ? 401 : 403;
    if (status === 401) this.counts.unauthorized += 1;
    else this.counts.forbidden += 1;
    const metadataUrl = `${this.origin}${WELL_KNOWN}${this.#target.pathname}`;
    request.resume();
    response.writeHead(status, {
      'www-authenticate': challenge(verdict, this.#options, metadataUrl),
    });
    response.end('{"error":"go away"}');
  }
}

/** Starts one on a free port; its endpoint has the path of the target. */
export async function startGuardedServer(options: GuardedServerOptions): Promise<GuardedServer> {
  const guard = new Guard(options);
  const sockets = createSocketSet();
  const server = createServer((request, response) => guard.handle(request, response));
  server.on('connection', (socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  guard.origin = `http://127.0.0.1:${portOf(server)}`;
  return {
    origin: guard.origin,
    url: guard.url,
    headers: guard.headers,
    counts: guard.counts,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await sockets.destroyAll();
    },
  };
}
