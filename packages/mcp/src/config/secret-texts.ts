import type { ConnectorDefinition, ConnectorTransport } from '../connectors/connector.ts';
import { secretsFromFiles } from '../connectors/secret-reference.ts';
import { Secret } from '../connectors/secret.ts';
import type { AccessSettings } from './access-settings.ts';

/** Shorter values are words that may stand in any text. */
const MIN_LENGTH = 8;
const SECRET_NAME = /key|token|secret|passw|auth|credential/i;

function partsOfUrl(text: string): string[] {
  const url = URL.parse(text);
  if (url === null) return [];
  return [url.username, url.password, ...url.searchParams.values()];
}

/** The scheme of a header is no secret, what follows it is; an address' user and password are in one as well. */
function partsOfHeader(value: string): string[] {
  const credentials = value.replace(/^\w+\s+/, '');
  const isBasic = /^basic\s/i.test(value);
  const pair = isBasic ? Buffer.from(credentials, 'base64').toString().split(':') : [];
  return [value, credentials, ...pair];
}

/** Of `--token x` and `--token=x` the x. */
function secretArguments(args: readonly string[]): string[] {
  return args.flatMap((arg, index) => {
    const before = args[index - 1] ?? '';
    const at = arg.indexOf('=');
    if (at > 0 && SECRET_NAME.test(arg.slice(0, at))) return [arg.slice(at + 1)];
    return before.startsWith('-') && SECRET_NAME.test(before) ? [arg] : [];
  });
}

function textsOf(transport: ConnectorTransport | undefined): string[] {
  if (transport === undefined || transport.kind === 'in-process') return [];
  if (transport.kind === 'stdio') {
    const values = Object.values(transport.env);
    return [...values, ...values.flatMap(partsOfUrl), ...secretArguments(transport.args)];
  }
  const values = Object.values(transport.headers).flatMap(partsOfHeader);
  return [...values, ...partsOfUrl(transport.url)];
}

/**
 * Values of a configuration that no text may show which nobody has looked through, such as that of a fault of ours:
 * headers, environment, credentials in addresses and arguments, the key of clients, and what was read from secret files
 * by now. The longest first.
 */
export function secretTexts({
  connectors,
  access,
}: {
  readonly connectors: readonly Pick<ConnectorDefinition, 'transport'>[];
  readonly access: Pick<AccessSettings, 'apiKey'>;
}): readonly string[] {
  const { value: key } = access.apiKey;
  const own = key instanceof Secret ? [key.reveal()] : [];
  const late = secretsFromFiles().flatMap(partsOfHeader);
  const all = [...connectors.flatMap(({ transport }) => textsOf(transport)), ...own, ...late];
  const texts = all.filter((text) => typeof text === 'string' && text.length >= MIN_LENGTH);
  return [...new Set(texts)].toSorted((a, b) => b.length - a.length);
}
