import type { OAuthSettings } from '../connectors/connector-auth.ts';
import type { ConnectorDefinition, ConnectorTransport } from '../connectors/connector.ts';
import { hideFileReferences } from './expander.ts';

export const REDACTED = '[redacted]';

const SECRET_OPTION =
  /^(--?[\w-]*(?:key|token|secret|passw(?:or)?d|auth|credential)[\w-]*)(?:=.*)?$/is;
const HEADER_ARGUMENT = /^([\w-]+:\s*)\S.*$/s;
const USER_INFO = /^([a-z][a-z0-9+.-]*:\/\/)[^/@\s]*@/i;

function redactValues(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.keys(values).map((name) => [name, REDACTED]));
}

function redactUrl(text: string): string {
  const withoutUser = text.replace(USER_INFO, `$1${REDACTED}@`);
  return withoutUser.replace(/([?#]).*$/s, `$1${REDACTED}`);
}

/** Arguments carry secrets too: options named like one, header lines, and the user info and query of URLs. */
function redactArguments(args: readonly string[]): string[] {
  let valueFollows = false;
  return args.map((arg) => {
    const wasValue = valueFollows && !arg.startsWith('-');
    const option = SECRET_OPTION.exec(arg)?.[1];
    valueFollows = option !== undefined && !arg.includes('=');
    if (wasValue) return REDACTED;
    if (option !== undefined) return arg.includes('=') ? `${option}=${REDACTED}` : arg;
    if (/^[a-z][a-z0-9+.-]*:\/\//i.test(arg)) return redactUrl(hideFileReferences(arg));
    return hideFileReferences(arg).replace(HEADER_ARGUMENT, `$1${REDACTED}`);
  });
}

function redactOAuth(settings: OAuthSettings): OAuthSettings {
  const { clientSecret, privateKey } = settings;
  return {
    ...settings,
    ...(clientSecret !== undefined && { clientSecret: REDACTED }),
    ...(privateKey !== undefined && { privateKey: REDACTED }),
  };
}

function redactTransport(transport: ConnectorTransport): ConnectorTransport {
  if (transport.kind === 'in-process') return transport;
  if (transport.kind === 'stdio') {
    return {
      ...transport,
      args: redactArguments(transport.args),
      env: redactValues(transport.env),
      ...(transport.lateEnv && { lateEnv: redactValues(transport.lateEnv) }),
    };
  }
  return {
    ...transport,
    url: redactUrl(transport.url),
    ...(transport.lateUrl !== undefined && { lateUrl: REDACTED }),
    headers: redactValues(transport.headers),
    ...(transport.lateHeaders && { lateHeaders: redactValues(transport.lateHeaders) }),
    ...(transport.oauth && { oauth: redactOAuth(transport.oauth) }),
  };
}

/** The definition as it may be shown: values of env and headers, and the user info and query of URLs, are hidden. */
export function redactConnector(definition: ConnectorDefinition): ConnectorDefinition {
  const { transport, replicas } = definition;
  return {
    ...definition,
    ...(replicas && {
      replicas: {
        ...replicas,
        more: replicas.more.map(({ url, weight }) => ({ url: redactUrl(url), weight })),
      },
    }),
    transport: transport === undefined ? undefined : redactTransport(transport),
  };
}
