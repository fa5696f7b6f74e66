import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { z } from 'zod';
import { portOf } from '../http/port-of.ts';
import { createSocketSet } from '../socket-set.ts';
import { OAuthGrants, type GrantAnswer, type GrantOptions } from './oauth-grants.ts';

/** A client that the server knows. */
export interface OAuthTestClient {
  readonly clientId: string;
  readonly clientSecret?: string | undefined;
  /** Undefined: any. */
  readonly redirectUris?: readonly string[] | undefined;
}

/** One request as it came. */
export interface OAuthSeen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly form: URLSearchParams;
}

export interface OAuthServerOptions extends Partial<GrantOptions> {
  readonly clients?: readonly OAuthTestClient[];
  /** Appended to the origin: an issuer with a path. Default: none. */
  readonly issuerPath?: string;
  /** Changes the metadata, e.g. to lie. */
  readonly metadata?: (
    truth: Readonly<Record<string, unknown>>,
  ) => Readonly<Record<string, unknown>>;
  /** Answers in place of the server when it returns true. */
  readonly intercept?: (
    seen: OAuthSeen,
    response: ServerResponse,
    server: OAuthTestServer,
  ) => boolean;
  /** Changes the parameters that go back to the client, e.g. `iss`. */
  readonly callback?: (parameters: URLSearchParams) => void;
  readonly scopes?: readonly string[];
}

/** A small real authorization server on 127.0.0.1 that grants whatever is asked. */
export interface OAuthTestServer extends AsyncDisposable {
  readonly origin: string;
  readonly issuer: string;
  readonly grants: OAuthGrants;
  readonly clients: Map<string, OAuthTestClient>;
  readonly seen: readonly OAuthSeen[];
  /** How often a path was asked for. */
  count(path: string): number;
}

const registration = z.looseObject({
  redirect_uris: z.array(z.string()).optional(),
  token_endpoint_auth_method: z.string().optional(),
});

const MAX_BODY_BYTES = 65_536;

async function readForm(
  request: IncomingMessage,
): Promise<{ text: string; form: URLSearchParams }> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const buffer = Buffer.from(chunk);
    bytes += buffer.length;
    if (bytes > MAX_BODY_BYTES) break;
    chunks.push(buffer);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  const isForm = /x-www-form-urlencoded/.test(request.headers['content-type'] ?? '');
  return { text, form: new URLSearchParams(isForm ? text : '') };
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}

/** The client that a request proves to be; undefined when it does not. */
function authenticate(
  seen: OAuthSeen,
  clients: ReadonlyMap<string, OAuthTestClient>,
): OAuthTestClient | undefined {
  const { form, headers } = seen;
  const basic = /^Basic (.+)$/.exec(headers.authorization ?? '')?.[1];
  const [id, secret] =
    basic === undefined
      ? [form.get('client_id') ?? '', form.get('client_secret') ?? undefined]
      : Buffer.from(basic, 'base64').toString('utf8').split(':').map(decodeURIComponent);
  const client = clients.get(id ?? '');
  // An assertion is taken as it is: its signature is for a test to look at.
  if (form.has('client_assertion')) return client;
  return client?.clientSecret === secret ? client : undefined;
}

class TestOAuthServer {
  readonly seen: OAuthSeen[] = [];
  readonly clients: Map<string, OAuthTestClient>;
  readonly grants: OAuthGrants;
  readonly #options: OAuthServerOptions;
  origin = '';

  constructor(options: OAuthServerOptions) {
    const { lifetimeSec, rotates = true, refreshes = true } = options;
    this.#options = options;
    this.clients = new Map((options.clients ?? []).map((client) => [client.clientId, client]));
    this.grants = new OAuthGrants({ lifetimeSec, rotates, refreshes });
    for (const { clientSecret } of options.clients ?? []) {
      if (clientSecret !== undefined) this.grants.everything.push(clientSecret);
    }
  }

  get issuer(): string {
    return this.origin + (this.#options.issuerPath ?? '');
  }

  metadata(): Readonly<Record<string, unknown>> {
    const { scopes, metadata } = this.#options;
    const at = (path: string): string => `${this.issuer}${path}`;
    const truth = {
      issuer: this.issuer,
      authorization_endpoint: at('/authorize'),
      token_endpoint: at('/token'),
      registration_endpoint: at('/register'),
      revocation_endpoint: at('/revoke'),
      code_challenge_methods_supported: ['S256'],
      response_types_supported: ['code'],
      grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
      token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
      authorization_response_iss_parameter_supported: true,
      ...(scopes && { scopes_supported: scopes }),
    };
    return metadata?.(truth) ?? truth;
  }

  async handle(
    request: IncomingMessage,
    response: ServerResponse,
    self: OAuthTestServer,
  ): Promise<void> {
    const url = new URL(request.url ?? '/', this.origin);
    const { text, form } = await readForm(request);
    const { method = 'GET', headers } = request;
    const seen = { method, path: url.pathname, headers, form };
    this.seen.push(seen);
    if (this.#options.intercept?.(seen, response, self) === true) return;
    this.#route(seen, { url, text }, response);
  }

  #route(
    seen: OAuthSeen,
    given: { readonly url: URL; readonly text: string },
    response: ServerResponse,
  ): void {
    const { issuerPath = '' } = this.#options;
    const routes: Readonly<Record<string, () => void>> = {
      [`/.well-known/oauth-authorization-server${issuerPath}`]: () =>
        json(response, 200, this.metadata()),
      [`${issuerPath}/authorize`]: () => this.#authorize(given.url.searchParams, response),
      [`${issuerPath}/token`]: () => this.#token(seen, response),
      [`${issuerPath}/register`]: () => this.#register(given.text, response),
      [`${issuerPath}/revoke`]: () => this.#revoke(seen.form, response),
    };
    const route = routes[seen.path] ?? (() => json(response, 404, { error: 'not_found' }));
    route();
  }

  #revoke(form: URLSearchParams, response: ServerResponse): void {
    const token = form.get('token') ?? '';
    this.grants.access.delete(token);
    this.grants.refresh.delete(token);
    json(response, 200, {});
  }

  #authorize(query: URLSearchParams, response: ServerResponse): void {
    const word = (name: string): string => query.get(name) ?? '';
    const client = this.clients.get(word('client_id'));
    const redirectUri = word('redirect_uri');
    const known = client?.redirectUris?.includes(redirectUri) ?? client !== undefined;
    if (client === undefined || !known || word('code_challenge_method') !== 'S256') {
      json(response, 400, { error: 'invalid_request' });
      return;
    }
    const code = this.grants.code({
      clientId: client.clientId,
      redirectUri,
      challenge: word('code_challenge'),
      scopes: word('scope').split(' ').filter(Boolean),
      resource: query.get('resource') ?? undefined,
    });
    const parameters = new URLSearchParams({ code, state: word('state'), iss: this.issuer });
    this.#options.callback?.(parameters);
    response.writeHead(302, { location: `${redirectUri}?${parameters.toString()}` });
    response.end();
  }

  #token(seen: OAuthSeen, response: ServerResponse): void {
    const client = authenticate(seen, this.clients);
    if (client === undefined) {
      json(response, 401, { error: 'invalid_client' });
      return;
    }
    const answer: GrantAnswer = this.grants.answer(seen.form, client.clientId);
    json(response, answer.error === undefined ? 200 : 400, answer);
  }

  #register(text: string, response: ServerResponse): void {
    const asked = registration.parse(JSON.parse(text));
    const clientId = `client-${randomBytes(6).toString('hex')}`;
    const isPublic = asked.token_endpoint_auth_method === 'none';
    const clientSecret = isPublic ? undefined : `secret-${randomBytes(18).toString('base64url')}`;
    if (clientSecret !== undefined) this.grants.everything.push(clientSecret);
    this.clients.set(clientId, { clientId, clientSecret, redirectUris: asked.redirect_uris });
    json(response, 201, {
      ...asked,
      client_id: clientId,
      ...(clientSecret !== undefined && { client_secret: clientSecret }),
    });
  }
}

/** Starts one on a free port. */
export async function startOAuthServer(options: OAuthServerOptions = {}): Promise<OAuthTestServer> {
  const world = new TestOAuthServer(options);
  const sockets = createSocketSet();
  const server = createServer((request, response) => {
    world.handle(request, response, self).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined);
    });
  });
  server.on('connection', (socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  world.origin = `http://127.0.0.1:${portOf(server)}`;
  const self: OAuthTestServer = {
    origin: world.origin,
    issuer: world.issuer,
    grants: world.grants,
    clients: world.clients,
    seen: world.seen,
    count: (path) => world.seen.filter((one) => one.path === path).length,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await sockets.destroyAll();
    },
  };
  return self;
}
