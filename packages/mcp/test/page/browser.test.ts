import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { testAccess } from './access-cases.ts';
import { testAxe } from './axe-cases.ts';
import { findChromium, startBrowser } from './browser.ts';
import { testCalls } from './call-cases.ts';
import { testKeyboard } from './keyboard-cases.ts';
import { testLife } from './life-cases.ts';
import { createWorld, type PageWorld } from './page-world.ts';
import { testViews } from './view-cases.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const chromium = findChromium();
let world: PageWorld | undefined;

beforeAll(async () => {
  if (chromium !== undefined) world = await createWorld(await startBrowser(chromium));
});
afterAll(async () => {
  await world?.close();
});

function given(): PageWorld {
  if (world === undefined) throw new Error('The browser is not started yet.');
  return world;
}

// Without a browser one line of the run says so, instead of one for each test; none of them counts as passed.
test('the status page is tested in a chromium (CHROMIUM_PATH, or on the PATH)', ({ skip }) => {
  skip(chromium === undefined, 'there is no chromium');
  expect(chromium).toBeDefined();
});

const all = [testViews, testAxe, testCalls, testKeyboard, testAccess, testLife];
for (const one of chromium === undefined ? [] : all) one(given);
