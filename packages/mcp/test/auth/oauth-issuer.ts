import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWTPayload } from 'jose';

/** A real authorization server, as far as resource servers see it: metadata, keys, tokens. */
export interface TestIssuer extends AsyncDisposable {
  readonly issuer: string;
  /** Requests of its keys so far. */
  readonly jwksRequests: number;
  /** While false it answers 500. */
  up: boolean;
  /** What its metadata say beside what is right. */
  metadata: Record<string, unknown>;
  /** Makes another key, and publishes it unless told otherwise. */
  rotate(publish?: boolean): Promise<void>;
  readonly publicJwk: Readonly<Record<string, unknown>>;
  token(claims?: JWTPayload, more?: TokenOptions): Promise<string>;
}

export interface TokenOptions {
  readonly header?: Readonly<Record<string, unknown>>;
  readonly expires?: string | null;
  readonly audience?: string | string[] | null;
  readonly issuer?: string;
  readonly key?: CryptoKey | Uint8Array;
  readonly alg?: string;
}

export const RESOURCE = 'https://gateway.example/mcp';

export async function startIssuer(): Promise<TestIssuer> {
  let serial = 0;
  let pair = await generateKeyPair('RS256', { extractable: true });
  let kid = 'key-0';
  const published: Record<string, unknown>[] = [];
  const publish = async (): Promise<void> => {
    published.push({ ...(await exportJWK(pair.publicKey)), kid, alg: 'RS256', use: 'sig' });
  };
  await publish();
  let jwksRequests = 0;
  const server = createServer((request, response) => {
    if (!issuer.up) {
      response.writeHead(500).end();
      return;
    }
    const body =
      request.url === '/jwks'
        ? { keys: published }
        : { issuer: origin, jwks_uri: `${origin}/jwks`, ...issuer.metadata };
    if (request.url === '/jwks') jwksRequests += 1;
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const issuer: TestIssuer = {
    issuer: origin,
    up: true,
    metadata: {},
    get jwksRequests() {
      return jwksRequests;
    },
    get publicJwk() {
      return published[0] ?? {};
    },
    rotate: async (isPublished = true) => {
      serial += 1;
      kid = `key-${serial}`;
      pair = await generateKeyPair('RS256', { extractable: true });
      if (isPublished) await publish();
    },
    token: async (claims = {}, more = {}) => {
      const { header = {}, expires = '5m', audience = RESOURCE, alg = 'RS256' } = more;
      const jwt = new SignJWT({ sub: 'ann', ...claims })
        .setProtectedHeader({ alg, kid, typ: 'at+jwt', ...header })
        .setIssuer(more.issuer ?? origin);
      if (audience !== null) jwt.setAudience(audience);
      if (expires !== null) jwt.setExpirationTime(expires);
      return await jwt.sign(more.key ?? pair.privateKey);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return issuer;
}
