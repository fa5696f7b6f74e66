import { tempFolder } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { startGuarded } from '../auth/guarded-gateway.ts';
import { entryFor, mapSettings, signedMap, startMapServer } from '../e2e/map-fixture.ts';
import { connectorFor, startGateway } from '../e2e/gateway-fixture.ts';
import { startRegistryGateway } from '../registry-fixture.ts';
import { openPage, type OpenPage } from './browser.ts';
import { findingsOf } from './page-findings.ts';
import type { PageWorld } from './page-world.ts';
import { publishMany } from './publish-many.ts';

const SCHEMES = ['light', 'dark'] as const;

/** A state of the page: how it is reached, and the text that shows it is there. */
interface Scene {
  readonly name: string;
  readonly hash: string;
  readonly ready: readonly [text: string, selector: string];
  /** What is pressed or typed once it is ready, and what is seen then. */
  readonly act?: (open: OpenPage) => Promise<void>;
}

async function press({ page }: OpenPage, name: string): Promise<void> {
  await (await page.waitForSelector(`aria/${name}[role="button"]`))?.click();
}

async function fill({ page }: OpenPage, label: string, text: string): Promise<void> {
  await (await page.waitForSelector(`aria/${label}`))?.type(text);
}

async function nextPage({ page }: OpenPage): Promise<void> {
  const next = 'nav[aria-label="Pages of the registry"] button:last-child';
  await (await page.waitForSelector(next))?.click();
}

const SCENES: readonly Scene[] = [
  { name: 'connectors', hash: '#/connectors', ready: ['unavailable', '.connectors'] },
  { name: 'connector', hash: '#/connectors/dead', ready: ['CONNECT_FAILED', 'dialog'] },
  { name: 'tools', hash: '#/tools', ready: ['healthy__add', '.names'] },
  {
    name: 'form with errors',
    hash: '#/tools/healthy__add',
    ready: ['healthy__add', '.tool h2'],
    act: async (open) => {
      await press(open, 'Call');
      await open.see('is needed', '.trouble');
    },
  },
  {
    name: 'result',
    hash: '#/tools/healthy__echo',
    ready: ['healthy__echo', '.tool h2'],
    act: async (open) => {
      await fill(open, 'message needed text', 'hello');
      await press(open, 'Call');
      await open.see('answered', '.verdict');
      await open.see('hello', '.result pre');
    },
  },
  {
    name: 'failed call',
    hash: '#/tools/healthy__throw',
    ready: ['healthy__throw', '.tool h2'],
    act: async (open) => {
      await press(open, 'Call');
      await open.see('thrown on purpose', '.result .trouble');
    },
  },
  {
    name: 'questions',
    hash: '#/tools/hostile__ask',
    ready: ['hostile__ask', '.tool h2'],
    act: async (open) => {
      await press(open, 'Call');
      await open.see('Who is it for?', '.questions');
      await open.page.waitForSelector('aria/Name needed text');
    },
  },
  { name: 'hostile texts', hash: '#/tools/hostile__take', ready: ['U+202E', '.tool'] },
  { name: 'registry', hash: '#/registry', ready: ['io.example/server-29', '.registry'] },
  {
    name: 'last page of the registry',
    hash: '#/registry',
    ready: ['io.example/server-29', '.registry'],
    act: async (open) => {
      await nextPage(open);
      await open.see('io.example/server-34', '.registry');
    },
  },
  {
    name: 'registry entry',
    hash: '#/registry/io.example%2Fserver-07',
    ready: ['Number 7.', 'dialog'],
  },
  { name: 'flags', hash: '#/flags', ready: ['of instances', '.rollout'] },
  {
    name: 'service map',
    hash: '#/flags',
    ready: ['Service map', 'main'],
    act: async ({ page }) => {
      await page.evaluate(`document.querySelector('.panel:last-child').scrollIntoView()`);
    },
  },
];

/** Flags of every look: changed, from the file, and the rollout half way. */
const SETTINGS = {
  MCP_LIST_PREBUILT: {
    value: false,
    origin: { kind: 'environment' as const, variable: 'MCP_LIST_PREBUILT' },
  },
  MCP_ROLLOUT_PERCENT: { value: 10, origin: { kind: 'default' as const } },
};

/** A map from a URL may name no such server: its connector is there, and has no address. */
const MAPPED = { url: 'http://127.0.0.1:1/mcp' };

async function findingsOfScenes(open: OpenPage, scheme: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { name, hash, ready, act } of SCENES) {
    // A view of its own between two: what was typed or pressed in the one before is gone.
    await open.go(hash.startsWith('#/flags') ? '#/connectors' : '#/flags');
    await open.see(hash.startsWith('#/flags') ? 'Connectors' : 'of instances', 'main');
    await open.go(hash);
    await open.see(...ready);
    await act?.(open);
    found.push(...(await findingsOf(open, `${scheme} ${name}`)));
  }
  return found;
}

export function testAxe(world: () => PageWorld): void {
  test.each(SCHEMES)(
    'axe-core finds nothing serious in %s, in any view, wide and at 400 px, and none scrolls sideways',
    { timeout: 180_000 },
    async (scheme) => {
      const { browser, connectors } = world();
      await using folder = tempFolder();
      await using map = await startMapServer(signedMap([entryFor(MAPPED, 'mapped')]));
      await using gateway = await startRegistryGateway(
        folder.path,
        {},
        { connectors, serviceMap: mapSettings(map.url), describeSettings: () => SETTINGS },
      );
      await publishMany(gateway.origin, 35);
      await using open = await openPage(browser, gateway.origin, { scheme });
      await open.see('unavailable', '.connectors');
      expect(await findingsOfScenes(open, scheme)).toEqual([]);
      expect([open.complaints, await open.violations()]).toEqual([[], []]);
    },
  );

  test.each(SCHEMES)(
    'axe-core finds nothing serious in %s while a key is asked for, refused or missing',
    async (scheme) => {
      const { browser, healthy } = world();
      const started = await startGuarded([connectorFor(healthy, 'healthy')], {
        keys: [{ scopes: ['operator'] }],
      });
      await using gateway = started.gateway;
      await using open = await openPage(browser, gateway.origin, { scheme });
      await open.see('asks for a key', 'dialog');
      const found = [...(await findingsOf(open, `${scheme} key dialog`))];
      await open.page.type('dialog input[type="password"]', 'not-the-key-0123456789');
      await open.page.keyboard.press('Enter');
      await open.see('did not accept', 'dialog');
      found.push(...(await findingsOf(open, `${scheme} key refused`)));
      await open.page.keyboard.press('Escape');
      await open.see('No access', '.banner');
      found.push(...(await findingsOf(open, `${scheme} no access`)));
      expect(found).toEqual([]);
    },
  );

  test.each(SCHEMES)(
    'axe-core finds nothing serious in %s while the gateway is away, and without a registry',
    async (scheme) => {
      const { browser, healthy } = world();
      const gateway = await startGateway([connectorFor(healthy, 'healthy')]);
      await using open = await openPage(browser, gateway.origin, { scheme, hash: '#/registry' });
      await open.see('serves no registry', 'main');
      const found = [...(await findingsOf(open, `${scheme} no registry`))];
      await open.go('#/connectors');
      await open.see('ready', '.connectors');
      await gateway[Symbol.asyncDispose]();
      await open.see('This is what was known at', '.banner');
      found.push(...(await findingsOf(open, `${scheme} reconnecting`)));
      expect(found).toEqual([]);
    },
  );
}
