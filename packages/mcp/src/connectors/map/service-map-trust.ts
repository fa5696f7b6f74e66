import { BlockList, isIP } from 'node:net';
import { variablesIn } from '../secret-reference.ts';
import type { ServiceMapEntry } from './service-map-schema.ts';

/** What the operator allows maps from elsewhere to do (contract.md, trust by origin). All lists default to empty. */
export interface RemoteTrustPolicy {
  /** Hosts (lower case, with port when not the default) that may be reached over http or at a private address. */
  readonly allowedHosts?: readonly string[];
  /** Command lines that may be run, each as the exact list `[command, ...args]`. */
  readonly allowedCommands?: readonly (readonly string[])[];
  /** Names that `${NAME}` references may read. Undefined: any. `file:` references are never allowed. */
  readonly allowedVariables?: readonly string[];
}

export type TrustRefusalCode =
  | 'COMMAND_NOT_ALLOWED'
  | 'CWD_NOT_ALLOWED'
  | 'ENVIRONMENT_NOT_ALLOWED'
  | 'ENDPOINT_UNRESOLVED'
  | 'ENDPOINT_CREDENTIALS'
  | 'ENDPOINT_NOT_HTTPS'
  | 'ENDPOINT_PRIVATE'
  | 'HEADER_NOT_ALLOWED'
  | 'REFERENCE_NOT_ALLOWED';

/** One reason why an entry of a remote map is not used. The message holds no values of headers or environment. */
export interface TrustRefusal {
  readonly code: TrustRefusalCode;
  readonly message: string;
}

/**
 * Variables that make a process load or run something else than its command: of loaders, shells, runtimes, package
 * managers (where packages come from) and clients (where their configuration is, which may name commands).
 */
const STEERING_VARIABLE = new RegExp(
  `^(?:${[
    '(?:LD|DYLD|GLIBC|GCONV|MALLOC|BASH|GIT|SSH|SSL|OPENSSL|XDG)_.*',
    '(?:NPM|PNPM|YARN|BUN|DENO|COREPACK|PIP|PIPX|UV|POETRY|CONDA|GEM|BUNDLE|CARGO)_.*',
    '(?:DOTNET|CORECLR|COMPLUS|MONO|DOCKER|PODMAN|MAVEN|GRADLE)_.*',
    'NODE_(?!ENV$).*|(?:PYTHON|RUBY|PERL|PHP|LUA|RUST|JULIA|JAVA|_JAVA|JDK|KUBE|WGET|CURL).*',
    'GO(?:PATH|ROOT|PROXY|FLAGS|BIN|ENV|TOOLCHAIN|SUMDB|NOSUMDB|NOSUMCHECK|PRIVATE|INSECURE)',
    'HOME|SHELL|IFS|ENV|ZDOTDIR|EDITOR|VISUAL|PAGER|BROWSER|PWD|OLDPWD|TMPDIR|TEMP|TMP|USERPROFILE|APPDATA|COMSPEC|PATHEXT',
    '.*(?:PATH|_HOME|_OPTIONS|_OPTS|_FLAGS|_ARGS|_PROXY|_REGISTRY|_INDEX|_INDEX_URL|_PRELOAD|_PLUGINS?)',
    '.*(?:_CONFIG|_CONFIG_FILE|_CREDENTIALS_FILE|_RC|_COMMAND|_CMD|_SHELL|_HOOKS?)',
  ].join('|')})$`,
  'i',
);

/** Headers that frame the message, name its host, or belong to MCP itself. */
const FRAMING_HEADER =
  /^(?:host|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|expect|content-length|content-type|accept|cookie|mcp-.*)$/i;

function privateAddresses(): BlockList {
  const list = new BlockList();
  const v4 = ['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16'];
  const v4more = ['172.16.0.0/12', '192.0.0.0/24', '192.168.0.0/16', '198.18.0.0/15'];
  const v4high = ['224.0.0.0/4', '240.0.0.0/4'];
  // Embedded, translated, NAT64, Teredo and 6to4 ones carry any IPv4 address inside; BlockList looks through
  // v4-mapped ones only.
  const v6 = [
    '::/96',
    '::ffff:0:0:0/96',
    '64:ff9b::/96',
    '64:ff9b:1::/48',
    '100::/64',
    '2001::/32',
    '2002::/16',
    'fc00::/7',
    'fe80::/10',
    'fec0::/10',
    'ff00::/8',
  ];
  const add = (range: string, family: 'ipv4' | 'ipv6'): void => {
    const [net = '', prefix] = range.split('/');
    list.addSubnet(net, Number(prefix), family);
  };
  for (const range of [...v4, ...v4more, ...v4high]) add(range, 'ipv4');
  for (const range of v6) add(range, 'ipv6');
  return list;
}

const PRIVATE = privateAddresses();

/** Whether an IP address leads into this machine or its network, or nowhere. @param family 4 or 6. */
export function isPrivateAddress(address: string, family: number): boolean {
  return PRIVATE.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

/** Names and literal addresses that lead into this machine or its network. Other names are for the connector's guard. */
export function isPrivateHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  if (host === 'localhost' || /\.(?:localhost|local|internal)$/.test(host)) return true;
  const family = isIP(host);
  return family !== 0 && isPrivateAddress(host, family);
}

function checkEndpoint(endpoint: string, allowedHosts: readonly string[]): TrustRefusal[] {
  const url = URL.parse(endpoint);
  if (url === null || endpoint.includes('${')) {
    // Where it leads would depend on this machine's environment, so nothing can be said about it.
    return [{ code: 'ENDPOINT_UNRESOLVED', message: 'The endpoint holds a placeholder' }];
  }
  const refusals: TrustRefusal[] = [];
  if (url.username !== '' || url.password !== '') {
    refusals.push({ code: 'ENDPOINT_CREDENTIALS', message: 'The endpoint holds credentials' });
  }
  if (allowedHosts.includes(url.host)) return refusals;
  if (url.protocol !== 'https:') {
    refusals.push({ code: 'ENDPOINT_NOT_HTTPS', message: `'${url.host}' is not reached by https` });
  }
  if (isPrivateHost(url.hostname)) {
    refusals.push({ code: 'ENDPOINT_PRIVATE', message: `'${url.host}' is a private address` });
  }
  return refusals;
}

function checkCommand(entry: ServiceMapEntry, policy: RemoteTrustPolicy): TrustRefusal[] {
  const { command } = entry;
  if (command === undefined) return [];
  const line = [command, ...(entry.args ?? [])];
  const allowed = (policy.allowedCommands ?? []).some(
    (other) => other.length === line.length && other.every((word, i) => word === line[i]),
  );
  if (allowed) return [];
  return [
    { code: 'COMMAND_NOT_ALLOWED', message: `'${command}' is not a command allowed by name` },
  ];
}

function checkNames(entry: ServiceMapEntry): TrustRefusal[] {
  const refusals: TrustRefusal[] = [];
  if (entry.cwd !== undefined) {
    // `node server.mjs` is another program in another folder.
    const message = "The folder that a command runs in is not the map's to choose";
    refusals.push({ code: 'CWD_NOT_ALLOWED', message });
  }
  for (const name of Object.keys(entry.env ?? {}).filter((key) => STEERING_VARIABLE.test(key))) {
    const message = `The variable '${name}' steers how a process runs`;
    refusals.push({ code: 'ENVIRONMENT_NOT_ALLOWED', message });
  }
  const named = entry.auth?.headerName ?? '';
  const headers = [...Object.keys(entry.headers ?? {}), named];
  for (const name of headers.filter((key) => FRAMING_HEADER.test(key))) {
    const message = `The header '${name}' is not the map's to set`;
    refusals.push({ code: 'HEADER_NOT_ALLOWED', message });
  }
  return refusals;
}

function checkReferences(
  values: readonly (string | undefined)[],
  allowed: readonly string[] | undefined,
): TrustRefusal[] {
  const refusals: TrustRefusal[] = [];
  for (const value of values) {
    if (value === undefined) continue;
    // `file:` outside of braces is one as well.
    const file = /^\s*file:/i.test(value) || /\$\{\s*file:/i.test(value);
    const name = variablesIn(value).find((one) => allowed?.includes(one) === false);
    if (!file && name === undefined) continue;
    const message = file
      ? "A reference to a file is not a remote map's to make"
      : `The reference '\${${name}}' is not allowed: the operator may name it in allowVariables`;
    refusals.push({ code: 'REFERENCE_NOT_ALLOWED', message });
  }
  return refusals;
}

/**
 * Whether an entry of a remote map may be used: https or an allowed host, no private address, no command but those
 * named, in no folder of its own, no variable that steers a process, no header that frames a message, no reference to files. Pure: addresses
 * behind names, and redirects, are checked when connecting.
 * @returns every refusal; empty means that the entry may be used.
 */
export function checkRemoteTrust(
  entry: ServiceMapEntry,
  policy: RemoteTrustPolicy,
): readonly TrustRefusal[] {
  const { endpoint, env = {}, headers = {}, args = [] } = entry;
  const values = [...Object.values(env), ...Object.values(headers), ...args];
  return [
    ...checkCommand(entry, policy),
    ...(endpoint === undefined ? [] : checkEndpoint(endpoint, policy.allowedHosts ?? [])),
    ...checkNames(entry),
    ...checkReferences([...values, entry.auth?.credential], policy.allowedVariables),
  ];
}
