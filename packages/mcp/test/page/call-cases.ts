import { waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { startGateway } from '../e2e/gateway-fixture.ts';
import { openPage, type OpenPage } from './browser.ts';
import type { PageWorld } from './page-world.ts';

/** Types into the field with this label. */
async function fill({ page }: OpenPage, label: string, text: string): Promise<void> {
  const field = await page.waitForSelector(`aria/${label}`);
  await field?.click({ count: 3 });
  await field?.type(text);
}

async function press({ page }: OpenPage, name: string): Promise<void> {
  const button = await page.waitForSelector(`aria/${name}[role="button"]`);
  await button?.click();
}

async function chooseTab({ page }: OpenPage, name: string): Promise<void> {
  const tab = await page.waitForSelector(`aria/${name}[role="tab"]`);
  await tab?.click();
}

export function testCalls(world: () => PageWorld): void {
  test('a tool is found, its form filled and called; result, response, request and timing are shown', async () => {
    const { browser, connectors } = world();
    await using gateway = await startGateway(connectors);
    await using open = await openPage(browser, gateway.origin, { hash: '#/tools' });
    await open.see('healthy__echo', '.names');
    await open.page.type('[data-search]', 'healthy echo');
    await open.page.waitForFunction(`document.querySelectorAll('.names li').length === 1`);
    await open.page.click('.names a');
    await open.see('Returns the message.', '.tool');
    await fill(open, 'message needed text', 'grüß dich');
    await press(open, 'Call');
    await open.see('answered', '.verdict');
    expect(await open.text('.verdict')).toMatch(/[\d.]+ ms[\s\S]*HTTP 200/);
    await open.see('grüß dich', '.result pre');
    await chooseTab(open, 'Response');
    await open.see('"resultType": "complete"', '.result');
    await chooseTab(open, 'Request');
    await open.see('"mcp-method": "tools/call"', '.result');
    expect(await open.text('.result')).toContain('healthy__echo');
    expect([open.complaints, await open.violations()]).toEqual([[], []]);
  });

  test('what is missing or wrong in a form is said before anything is sent', async () => {
    const { browser, connectors, healthy } = world();
    await using gateway = await startGateway(connectors);
    await using open = await openPage(browser, gateway.origin, { hash: '#/tools/healthy__add' });
    await fill(open, 'a needed number', 'four');
    const before = healthy.counts.byMethod['tools/call'] ?? 0;
    await press(open, 'Call');
    await open.see('is no number', '[role="alert"]');
    await open.see('is needed', '[role="alert"]');
    expect((await open.page.$$('[aria-invalid="true"]')).length).toBe(2);
    expect(healthy.counts.byMethod['tools/call'] ?? 0).toBe(before);
  });

  test('arguments go from the form into JSON and back, and are called from there', async () => {
    const { browser, connectors } = world();
    await using gateway = await startGateway(connectors);
    await using open = await openPage(browser, gateway.origin, { hash: '#/tools/healthy__add' });
    await fill(open, 'a needed number', '4');
    await chooseTab(open, 'JSON');
    const text = 'textarea[aria-label="Arguments as JSON"]';
    await open.page.waitForFunction(`document.querySelector('${text}')?.value.includes('"a": 4')`);
    await open.page.focus(text);
    await open.page.keyboard.down('Control');
    await open.page.keyboard.press('a');
    await open.page.keyboard.up('Control');
    await open.page.type(text, '{"a": 1, "b": 2.5}');
    await press(open, 'Call');
    await open.see('"sum": 3.5', '.result');
    await chooseTab(open, 'Form');
    await open.page.waitForFunction(
      `[...document.querySelectorAll('.schema-form input')].map((one) => one.value).join() === '1,2.5'`,
    );
    expect([open.complaints, await open.violations()]).toEqual([[], []]);
  });

  test('images are drawn, tool errors and protocol errors told apart', async () => {
    const { browser, connectors } = world();
    await using gateway = await startGateway(connectors);
    await using open = await openPage(browser, gateway.origin, { hash: '#/tools/healthy__image' });
    await press(open, 'Call');
    await open.page.waitForFunction(`document.querySelector('.result img')?.naturalWidth === 1`);
    await open.go('#/tools/healthy__fail');
    await open.see('healthy__fail', '.tool h2');
    await press(open, 'Call');
    await open.see('the tool failed', '.verdict');
    await open.go('#/tools/healthy__throw');
    await open.see('healthy__throw', '.tool h2');
    await press(open, 'Call');
    await open.see('error -32000', '.verdict');
    await open.see('thrown on purpose', '.result .trouble');
    expect([open.complaints, await open.violations()]).toEqual([[], []]);
  });

  test('a long call shows its progress, and Stop cancels it at the server', async () => {
    const { browser, connectors, healthy } = world();
    await using gateway = await startGateway(connectors);
    await using open = await openPage(browser, gateway.origin, { hash: '#/tools/healthy__slow' });
    await fill(open, 'ms needed whole number', '20000');
    await fill(open, 'steps needed whole number', '200');
    const before = healthy.counts.aborted;
    await press(open, 'Call');
    await open.see('of 200', '.news');
    await open.page.waitForSelector('.news progress');
    await press(open, 'Stop');
    await open.see('stopped after', '.result');
    await waitUntil(() => healthy.counts.aborted > before, { describe: 'the server is told' });
    expect([open.complaints, await open.violations()]).toEqual([[], []]);
  });

  test('a question of the server is shown as a form, and its answer ends the call', async () => {
    const { browser, connectors } = world();
    await using gateway = await startGateway(connectors);
    await using open = await openPage(browser, gateway.origin, { hash: '#/tools/hostile__ask' });
    await press(open, 'Call');
    await open.see('the server asks back', '.verdict');
    await open.see('Who is it for?', '.questions');
    await fill(open, 'Name needed text', 'Ann');
    await press(open, 'Answer');
    await open.see('answered', '.verdict');
    await open.see('for Ann', '.result pre');
    expect([open.complaints, await open.violations()]).toEqual([[], []]);
  });
}
