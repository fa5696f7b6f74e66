import { expect, test } from 'vitest';
import { startUpstream } from '@cortex-os/testkit';
import { connectorFor, startGateway } from '../e2e/gateway-fixture.ts';
import { openPage } from './browser.ts';
import type { PageWorld } from './page-world.ts';

export function testLife(world: () => PageWorld): void {
  test('the page stays through a restart: it says so, keeps what it knew, and is live again by itself', async () => {
    const { browser, healthy } = world();
    const connectors = [connectorFor(healthy, 'healthy')];
    const first = await startGateway(connectors);
    await using open = await openPage(browser, first.origin);
    await open.see('ready', '.connectors');
    await open.see('live', '.live-mark');
    await first[Symbol.asyncDispose]();
    await open.see('reconnecting', '.live-mark');
    await open.see('This is what was known at', '.banner');
    await open.see('healthy', 'main.old .connectors');
    await open.page.waitForFunction(
      `[...document.querySelectorAll('[role="status"]')].some((one) => one.textContent.includes('Reconnecting'))`,
    );
    await using second = await startGateway([...connectors, connectorFor(healthy, 'newer')], {
      port: Number(new URL(first.origin).port),
    });
    expect(second.origin).toBe(first.origin);
    await open.see('newer', '.connectors');
    await open.see('live', '.live-mark');
    expect(await open.page.$('.banner, main.old')).toBeNull();
    expect([open.complaints, await open.violations()]).toEqual([[], []]);
  });

  test('a server that comes back is shown without a reload, and told to those who listen', async () => {
    const { browser } = world();
    await using upstream = await startUpstream({
      kind: 'modern-http',
      ttlMs: 600_000,
      faults: [{ kind: 'status', status: 500 }],
    });
    await using gateway = await startGateway([connectorFor(upstream, 'changing')]);
    await using open = await openPage(browser, gateway.origin);
    await open.see('HTTP_STATUS', '.connectors');
    upstream.setFaults([]);
    await gateway.service.manager.syncOne('changing');
    await open.see('ready', '.connectors');
    await open.page.waitForFunction(
      `[...document.querySelectorAll('[role="status"]')].some((one) => one.textContent.includes('changing is now ready'))`,
    );
    expect([open.complaints, await open.violations()]).toEqual([[], []]);
  });

  test('calls move the figures of their connector by themselves', async () => {
    const { browser, healthy } = world();
    await using gateway = await startGateway([connectorFor(healthy, 'healthy')]);
    await using open = await openPage(browser, gateway.origin, { hash: '#/tools/healthy__image' });
    await (await open.page.waitForSelector('button.main'))?.click();
    await open.see('answered', '.verdict');
    await open.go('#/connectors');
    await open.page.waitForSelector('.connectors svg.spark');
    await open.page.waitForFunction(
      `/\\d \\/ [\\d.]+/.test(document.querySelector('.connectors .figures')?.innerText ?? '')`,
    );
    expect([open.complaints, await open.violations()]).toEqual([[], []]);
  });

  test('numbers of a running gateway move without a reload', async () => {
    const { browser } = world();
    await using gateway = await startGateway([]);
    await using open = await openPage(browser, gateway.origin);
    const up = async (): Promise<string> => await open.text('.figures-row div:first-child dd');
    await open.see('live', '.live-mark');
    const before = await up();
    await open.page.waitForFunction(
      `document.querySelector('.figures-row div:first-child dd').innerText !== ${JSON.stringify(before)}`,
    );
    expect([open.complaints, await open.violations()]).toEqual([[], []]);
  });
}
