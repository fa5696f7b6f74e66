import { expect, test } from 'vitest';
import { startGuarded } from '../auth/guarded-gateway.ts';
import { connectorFor, startGateway } from '../e2e/gateway-fixture.ts';
import { openPage, type OpenPage } from './browser.ts';
import type { PageWorld } from './page-world.ts';

async function enter({ page }: OpenPage, key: string): Promise<void> {
  await page.waitForSelector('dialog input[type="password"]');
  await page.type('dialog input[type="password"]', key);
  await page.keyboard.press('Enter');
}

export function testAccess(world: () => PageWorld): void {
  test('S4: a key is asked for, a wrong one refused, and the right one kept in this tab only', async () => {
    const { browser, healthy } = world();
    const started = await startGuarded([connectorFor(healthy, 'healthy')], {
      keys: [{ scopes: ['operator', 'client'] }],
    });
    await using gateway = started.gateway;
    const [key = ''] = started.keys;
    await using open = await openPage(browser, gateway.origin);
    await open.see('asks for a key', 'dialog');
    expect(await open.text('main')).not.toContain('healthy');
    expect(await open.page.evaluate('document.activeElement.type')).toBe('password');
    await enter(open, 'not-the-key-0123456789');
    await open.see('did not accept', 'dialog');
    await enter(open, key);
    await open.see('healthy', '.connectors');
    await open.see('live', '.live-mark');
    const kept = await open.page.evaluate(
      `[Object.values(sessionStorage), JSON.stringify(localStorage), document.cookie, location.href]`,
    );
    expect(kept).toEqual([[key], '{}', '', `${gateway.origin}/`]);
    expect(open.traffic.urls.filter((url) => url.includes(key))).toEqual([]);

    await open.go('#/tools/healthy__image');
    await (await open.page.waitForSelector('button.main'))?.click();
    await open.see('answered', '.verdict');
    await open.page.reload();
    await open.see('live', '.live-mark');
    await (await open.page.waitForSelector('aria/Forget key[role="button"]'))?.click();
    await open.see('asks for a key', 'dialog');
    expect(await open.page.evaluate('sessionStorage.length')).toBe(0);
    expect([open.complaints, await open.violations()]).toEqual([[], []]);
  });

  test('S4: a key that may not see the status is told so, and another asked for', async () => {
    const { browser } = world();
    const started = await startGuarded([], { keys: [{ scopes: ['client'] }] });
    await using gateway = started.gateway;
    await using open = await openPage(browser, gateway.origin);
    await enter(open, started.keys[0] ?? '');
    await open.see('may not do that here', 'dialog');
    expect([open.complaints, await open.violations()]).toEqual([[], []]);
  });

  test('a key for the status alone shows it, and the tools say what is missing', async () => {
    const { browser, healthy } = world();
    const started = await startGuarded([connectorFor(healthy, 'healthy')], {
      keys: [{ scopes: ['operator'] }],
    });
    await using gateway = started.gateway;
    await using open = await openPage(browser, gateway.origin);
    await enter(open, started.keys[0] ?? '');
    await open.see('healthy', '.connectors');
    await open.go('#/tools');
    await open.see('may not list tools', '.trouble');
    expect(await open.page.$('dialog')).toBeNull();
  });

  test('page: false leaves nothing at / (contract.md, surface)', async () => {
    const { browser } = world();
    await using gateway = await startGateway([], { page: false });
    await using open = await openPage(browser, gateway.origin);
    expect(await open.page.$('#page')).toBeNull();
  });
}
