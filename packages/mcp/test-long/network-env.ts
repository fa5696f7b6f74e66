/** The variables by which this machine reaches its npm registry: everything else of a person's is left behind. */
const NETWORK =
  /^(?:npm_config_.*|(?:https?|no|all)_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_(?:FILE|DIR))$/i;

export function networkEnv(): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) => NETWORK.test(name));
  return Object.fromEntries(kept.map(([name, value]) => [name, value ?? '']));
}
