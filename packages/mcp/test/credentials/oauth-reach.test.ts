import { expect, test } from 'vitest';
import type { ConnectorOrigin } from '../../src/connectors/connector.ts';
import type { OAuthSettings } from '../../src/connectors/connector-auth.ts';
import { createOAuthHttp } from '../../src/credentials/oauth-http.ts';
import { oauthReach } from '../../src/service/oauth-reach.ts';
import { connector } from '../e2e/gateway-fixture.ts';

interface Case {
  readonly server: string;
  readonly origin?: ConnectorOrigin;
  readonly settings?: Partial<OAuthSettings>;
  readonly allowed: readonly string[];
  readonly refused: readonly string[];
}

const CASES: Readonly<Record<string, Case>> = {
  'a server of the internet': {
    server: 'https://mcp.example.com/mcp',
    allowed: ['https://as.example.com', 'https://as.example.com:8443/x'],
    refused: [
      'http://as.example.com',
      'https://127.0.0.1',
      'https://10.1.2.3',
      'http://localhost:1',
    ],
  },
  'a server of this machine': {
    server: 'http://127.0.0.1:3000/mcp',
    allowed: [
      'http://127.0.0.1:9',
      'http://localhost:9',
      'http://[::1]:9',
      'https://as.example.com',
    ],
    refused: ['https://169.254.169.254', 'https://192.168.0.1', 'http://as.example.com'],
  },
  'a server of this network': {
    server: 'https://10.0.0.5/mcp',
    allowed: ['https://10.0.0.6', 'https://as.example.com'],
    refused: ['http://10.0.0.6', 'https://127.0.0.1'],
  },
  'hosts that the operator names': {
    server: 'https://mcp.example.com/mcp',
    settings: { issuer: 'https://10.0.0.7', allowedOrigins: ['http://127.0.0.1:7'] },
    allowed: ['https://10.0.0.7/token', 'http://127.0.0.1:7'],
    refused: ['https://10.0.0.8', 'http://127.0.0.1:8', 'http://10.0.0.7'],
  },
  'a connector of a remote map': {
    server: 'http://127.0.0.1:3000/mcp',
    origin: 'remote',
    settings: { issuer: 'https://10.0.0.7' },
    allowed: ['https://as.example.com'],
    refused: ['http://127.0.0.1:3000', 'https://127.0.0.1', 'https://10.0.0.7'],
  },
};

test.for(Object.entries(CASES))('S5 oauthReach() for %s', ([, given]) => {
  const { server, origin = 'local', settings, allowed, refused } = given;
  const definition = connector('x', { kind: 'http', url: server, headers: {} }, { origin });
  const oauth: OAuthSettings = { grant: 'authorization_code', ...settings };
  const reach = oauthReach(definition, oauth, new URL(server));
  expect(allowed.filter((url) => reach.refusal(new URL(url)) !== undefined)).toEqual([]);
  expect(refused.filter((url) => reach.refusal(new URL(url)) === undefined)).toEqual([]);
});

test('S5 a name that leads to a private address is not connected to, whatever it is called', async () => {
  const server = new URL('https://mcp.example.com/mcp');
  const definition = connector('x', { kind: 'http', url: server.href, headers: {} });
  const reach = oauthReach(definition, { grant: 'authorization_code' }, server);
  const http = createOAuthHttp();
  // Names of this machine are known without a resolver; as far as the text goes they could be anything.
  const blind = { ...reach, refusal: () => undefined };
  const url = new URL('http://localhost:9/');
  await expect(http.ask(url, { method: 'GET' }, blind)).rejects.toMatchObject({
    code: 'AUTH_URL_REFUSED',
  });
  // Control: without the guard the connection is tried.
  const open = { lookup: undefined, refusal: () => undefined };
  await expect(http.ask(url, { method: 'GET' }, open)).rejects.toMatchObject({
    code: 'AUTH_UNAVAILABLE',
  });
  await http.close();
});
