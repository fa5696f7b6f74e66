import { execFile } from 'node:child_process';

/** The program that opens addresses, by platform. None of them is a shell (CVE-2025-6514). */
const OPENERS: Readonly<Partial<Record<NodeJS.Platform, string>>> = {
  darwin: '/usr/bin/open',
  linux: 'xdg-open',
  freebsd: 'xdg-open',
  win32: 'explorer.exe',
};

export interface OpenBrowserOptions {
  /** Default: the platform's. */
  readonly program?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const TIMEOUT_MS = 10_000;

/**
 * Opens an http or https address in the browser, as one argument of a program and never through a shell.
 * @returns false when that was not possible: the address has to be opened by hand.
 */
export async function openBrowser(url: URL, options: OpenBrowserOptions): Promise<boolean> {
  const program = options.program ?? OPENERS[process.platform];
  if (program === undefined || !/^https?:$/.test(url.protocol)) return false;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const child = execFile(
    program,
    // Percent-encoded by the URL parser: nothing in it can be an option or a second word.
    [url.href],
    { timeout: TIMEOUT_MS, shell: false, env: { ...options.env }, windowsHide: true },
    (error) => resolve(error === null),
  );
  child.unref();
  return await promise;
}
