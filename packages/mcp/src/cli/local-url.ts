import { isLoopback } from '../config/settings.ts';
import { UsageError } from './command.ts';

/**
 * Whether the processes of the service at `--url` are on this machine; without an address it is the one of the
 * configuration, which runs here.
 * @throws UsageError
 */
export function isLocalUrl(url: string | undefined): boolean {
  if (url === undefined) return true;
  if (!URL.canParse(url)) throw new UsageError(`--url ${JSON.stringify(url)} is no address`);
  return isLoopback(new URL(url).hostname.replaceAll(/^\[|\]$/g, ''));
}
