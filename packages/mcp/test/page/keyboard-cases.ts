import { expect, test } from 'vitest';
import { startGateway } from '../e2e/gateway-fixture.ts';
import { openPage, type OpenPage } from './browser.ts';
import type { PageWorld } from './page-world.ts';

interface Focused {
  readonly text: string;
  readonly isVisible: boolean;
  readonly inDialog: boolean;
}

/** What has the focus, and whether it can be seen to have it. */
async function focused({ page }: OpenPage): Promise<Focused> {
  return (await page.evaluate(`(() => {
    const node = document.activeElement;
    const style = getComputedStyle(node);
    const box = node.getBoundingClientRect();
    return {
      text: node === document.body ? 'BODY' : (node.getAttribute('aria-label') ?? node.innerText ?? '').trim() || node.tagName,
      isVisible: box.width > 0 && box.bottom > 0 && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
      inDialog: node.closest('dialog') !== null,
    };
  })()`)) as Focused;
}

async function walk(open: OpenPage, steps: number): Promise<readonly Focused[]> {
  const seen: Focused[] = [];
  for (let step = 0; step < steps; step += 1) {
    await open.page.keyboard.press('Tab');
    seen.push(await focused(open));
  }
  return seen;
}

export function testKeyboard(world: () => PageWorld): void {
  test('everything is reached by Tab, in order, with a focus that is seen; the first skips to the content', async () => {
    const { browser, connectors } = world();
    await using gateway = await startGateway(connectors);
    await using open = await openPage(browser, gateway.origin);
    await open.see('healthy', '.connectors');
    const seen = await walk(open, 34);
    const texts = seen.map(({ text }) => text);
    expect(texts.slice(0, 5)).toEqual([
      'Skip to content',
      'Connectors',
      'Tools',
      'Registry',
      'Flags',
    ]);
    for (const text of ['INPUT', 'Table of connectors', 'Connector', 'healthy', 'local']) {
      expect(texts).toContain(text);
    }
    expect(seen.filter(({ isVisible, text }) => !isVisible && text !== 'BODY')).toEqual([]);
  });

  test('the skip link goes to the content, and / to the search but not while something is typed', async () => {
    const { browser, connectors } = world();
    await using gateway = await startGateway(connectors);
    await using open = await openPage(browser, gateway.origin);
    await open.see('healthy', '.connectors');
    await open.page.keyboard.press('Tab');
    await open.page.keyboard.press('Enter');
    expect(await open.page.evaluate('document.activeElement.id')).toBe('main');
    await open.page.keyboard.press('/');
    await open.page.keyboard.type('a/b');
    expect(await open.page.evaluate('document.activeElement.value')).toBe('a/b');
  });

  test('a detail opens by Enter, keeps the focus, and gives it back on Escape', async () => {
    const { browser, connectors } = world();
    await using gateway = await startGateway(connectors);
    await using open = await openPage(browser, gateway.origin);
    await open.see('ready', '.connectors');
    await open.page.focus('a[href="#/connectors/healthy"]');
    await open.page.keyboard.press('Enter');
    await open.page.waitForSelector('dialog[open]');
    const inside = await walk(open, 6);
    // From the last one the focus may go to the browser's own bar, but never into the page behind.
    expect(inside.filter(({ inDialog, text }) => !inDialog && text !== 'BODY')).toEqual([]);
    await open.page.keyboard.press('Escape');
    await open.page.waitForFunction(`document.querySelector('dialog') === null`);
    expect(await open.page.evaluate('location.hash')).toBe('#/connectors');
    expect((await focused(open)).text).toBe('healthy');
  });

  test('tabs are changed by arrow keys, headings sort by Enter and say so', async () => {
    const { browser, connectors } = world();
    await using gateway = await startGateway(connectors);
    await using open = await openPage(browser, gateway.origin, { hash: '#/tools/healthy__echo' });
    await open.page.waitForSelector('[role="tab"]');
    await open.page.focus('[role="tab"][aria-selected="true"]');
    await open.page.keyboard.press('ArrowRight');
    expect((await focused(open)).text).toBe('JSON');
    await open.page.keyboard.press('End');
    expect(await open.text('[role="tab"][aria-selected="true"]')).toBe('Definition');
    await open.page.keyboard.press('ArrowRight');
    expect((await focused(open)).text).toBe('Form');
    await open.go('#/connectors');
    await open.page.waitForSelector('.connectors thead button');
    await open.page.focus('.connectors thead th:first-child button');
    await open.page.keyboard.press('Enter');
    await open.page.waitForSelector('th[aria-sort="ascending"]:first-child');
    await open.page.keyboard.press('Enter');
    await open.page.waitForSelector('th[aria-sort="descending"]:first-child');
  });

  test('the colours can be chosen and are remembered; motion stops where less of it is wanted', async () => {
    const { browser } = world();
    await using gateway = await startGateway([]);
    await using open = await openPage(browser, gateway.origin, { scheme: 'light' });
    await open.see('live', '.live-mark');
    const ground = async (): Promise<unknown> =>
      await open.page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
    const light = await ground();
    await open.page.select('.theme select', 'dark');
    const dark = await ground();
    expect(dark).not.toBe(light);
    await open.page.reload();
    await open.see('live', '.live-mark');
    expect(await ground()).toBe(dark);
    await open.page.emulateMediaFeatures([{ name: 'prefers-reduced-motion', value: 'reduce' }]);
    expect(await open.page.evaluate('document.getAnimations().length')).toBe(0);
  });
}
