import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { isPrivateAddress } from './service-map-trust.ts';

/** All addresses of a name; the system's resolver by default. */
export type ResolveName = (
  name: string,
  done: (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void,
) => void;

const resolveBySystem: ResolveName = (name, done) => {
  systemLookup(name, { all: true }, (error, addresses) => done(error, error ? [] : addresses));
};

function refused(name: string): NodeJS.ErrnoException {
  const error = new Error(`'${name}' leads to a private address`);
  return Object.assign(error, { code: 'ENDPOINT_PRIVATE' });
}

/**
 * A lookup for connections that a remote map asks for (S5): a name of which any address is private is not connected
 * to, and the addresses that were checked are the ones that are used, so that a name cannot change its mind in
 * between. Literal addresses never come here; `checkRemoteTrust` judges those.
 * @param allowedHosts `host` or `host:port` that the operator allows, lower case; a function is asked each time.
 */
export function createPublicLookup(
  allowedHosts: readonly string[] | (() => readonly string[]),
  resolve: ResolveName = resolveBySystem,
): LookupFunction {
  const allowed = typeof allowedHosts === 'function' ? allowedHosts : () => allowedHosts;
  const allows = (name: string): boolean =>
    allowed().some((host) => host.replace(/:\d+$/, '') === name.toLowerCase());
  return (name, options, callback) => {
    resolve(name, (error, addresses) => {
      const [first] = addresses;
      const bad = addresses.some(({ address, family }) => isPrivateAddress(address, family));
      if (error !== null || first === undefined) {
        callback(
          error ?? Object.assign(new Error(`'${name}' has no address`), { code: 'ENOTFOUND' }),
          '',
        );
      } else if (bad && !allows(name)) {
        callback(refused(name), '');
      } else if (options.all === true) {
        callback(null, [...addresses]);
      } else {
        callback(null, first.address, first.family);
      }
    });
  };
}
