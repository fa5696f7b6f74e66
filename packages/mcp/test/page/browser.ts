import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { launch, type Browser, type Page } from 'puppeteer-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Not there, or not to be run: either way it is not the one.
    return false;
  }
}

/** The browser that the tests use: `CHROMIUM_PATH`, else the first on the `PATH`; undefined when there is none. */
export function findChromium(): string | undefined {
  const { CHROMIUM_PATH: given, PATH = '' } = process.env;
  if (given !== undefined && given !== '') return isProgram(given) ? given : undefined;
  const places = PATH.split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return places.find(isProgram);
}

export async function startBrowser(executablePath: string): Promise<Browser> {
  // Tests run as root in containers, where the browser's own sandbox cannot be had.
  return await launch({
    executablePath,
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
}

export interface PageOptions {
  readonly scheme?: 'light' | 'dark';
  readonly width?: number;
  /** The part after `#`. */
  readonly hash?: string;
}

/** A page in a browser context of its own, and what it complained of. */
export interface OpenPage extends AsyncDisposable {
  readonly page: Page;
  /** Errors of the console and uncaught ones; failed requests are not among them. */
  readonly complaints: readonly string[];
  /** What the policy of the page forbade. */
  violations(): Promise<readonly string[]>;
  /** Bytes that came over the wire for files, and the addresses asked for. */
  readonly traffic: { bytes: number; readonly urls: string[] };
  /** Waits until the text is somewhere in the page. */
  see(text: string, selector?: string): Promise<void>;
  /** The text of the first element. */
  text(selector: string): Promise<string>;
  /** Goes to another view. */
  go(hash: string): Promise<void>;
}

function listenTo(page: Page, complaints: string[]): void {
  page.on('console', (message) => {
    const text = message.text();
    // The browser itself notes every request that failed; tests that make some fail know.
    if (message.type() === 'error' && !text.startsWith('Failed to load resource')) {
      complaints.push(text);
    }
  });
  page.on('pageerror', (error) => {
    complaints.push(error instanceof Error ? error.message : String(error));
  });
}

async function countTraffic(page: Page): Promise<OpenPage['traffic']> {
  const traffic = { bytes: 0, urls: [] as string[] };
  const client = await page.createCDPSession();
  await client.send('Network.enable');
  client.on('Network.requestWillBeSent', ({ request }) => {
    traffic.urls.push(request.url);
  });
  client.on('Network.loadingFinished', ({ encodedDataLength }) => {
    traffic.bytes += encodedDataLength;
  });
  return traffic;
}

/** Opens the status page of a gateway. */
export async function openPage(
  browser: Browser,
  origin: string,
  { scheme = 'light', width = 1280, hash = '' }: PageOptions = {},
): Promise<OpenPage> {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const complaints: string[] = [];
  listenTo(page, complaints);
  const traffic = await countTraffic(page);
  await page.setViewport({ width, height: 860 });
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
  await page.evaluateOnNewDocument(`
    globalThis.violations = [];
    addEventListener('securitypolicyviolation', (event) => {
      violations.push(event.violatedDirective + ' ' + event.blockedURI);
    });`);
  await page.goto(`${origin}/${hash}`);
  return {
    page,
    complaints,
    traffic,
    violations: async () => (await page.evaluate('globalThis.violations')) as string[],
    see: async (text, selector = 'body') => {
      const script = `document.querySelector(${JSON.stringify(selector)})?.innerText.includes(${JSON.stringify(text)}) === true`;
      await page.waitForFunction(script).catch(async (cause: unknown) => {
        const there = (await page.evaluate('document.body.innerText')) as string;
        throw new Error(`“${text}” is not in ${selector}; there is:\n${there}`, { cause });
      });
    },
    text: async (selector) =>
      (await page.evaluate(
        `document.querySelector(${JSON.stringify(selector)})?.innerText ?? ''`,
      )) as string,
    go: async (to) => {
      await page.evaluate(`location.hash = ${JSON.stringify(to)}`);
    },
    [Symbol.asyncDispose]: async () => await context.close(),
  };
}
