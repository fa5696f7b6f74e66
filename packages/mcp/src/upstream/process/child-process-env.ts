/** What a child inherits; everything else of the service's environment (its secrets above all) stays here. */
const POSIX_NAMES: ReadonlySet<string> = new Set([
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'LANG',
  'TMPDIR',
  'TERM',
]);
const WINDOWS_NAMES: ReadonlySet<string> = new Set([
  'APPDATA',
  'COMSPEC',
  'HOMEDRIVE',
  'HOMEPATH',
  'LOCALAPPDATA',
  'PATH',
  'PATHEXT',
  'PROCESSOR_ARCHITECTURE',
  'PROGRAMFILES',
  'SYSTEMDRIVE',
  'SYSTEMROOT',
  'TEMP',
  'TMP',
  'USERNAME',
  'USERPROFILE',
  'WINDIR',
]);
/** Upper and lower case are both in use for these. */
const NETWORK_NAMES: ReadonlySet<string> = new Set([
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'ALL_PROXY',
  'NO_PROXY',
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
]);

export type Environment = Readonly<Record<string, string | undefined>>;

/** Whether a child of ours may inherit this variable (reliability-security S7). */
export function isInherited(name: string, platform: NodeJS.Platform): boolean {
  const upper = name.toUpperCase();
  if (NETWORK_NAMES.has(upper)) return true;
  if (platform === 'win32') return WINDOWS_NAMES.has(upper);
  return POSIX_NAMES.has(name) || name.startsWith('LC_');
}

/**
 * The environment of a child: the inheritable part of `base`, then the connector's own variables, then ours.
 * Exported shell functions (values that start with `()`) are never inherited.
 */
export function childEnvironment(
  base: Environment,
  own: Environment,
  marker: Environment,
  platform: NodeJS.Platform = process.platform,
): Record<string, string> {
  // A map, since a variable may be called `__proto__`.
  const env = new Map<string, string>();
  for (const [name, value] of Object.entries(base)) {
    if (value !== undefined && !value.startsWith('()') && isInherited(name, platform)) {
      env.set(name, value);
    }
  }
  for (const [name, value] of [...Object.entries(own), ...Object.entries(marker)]) {
    if (value !== undefined) env.set(name, value);
  }
  return Object.fromEntries(env);
}
