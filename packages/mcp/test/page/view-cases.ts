import { startUpstream, tempFolder } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { connectorFor, startGateway } from '../e2e/gateway-fixture.ts';
import { startRegistryGateway } from '../registry-fixture.ts';
import { openPage, type OpenPage } from './browser.ts';
import { HOSTILE_TEXT, type PageWorld } from './page-world.ts';
import { publishMany } from './publish-many.ts';

const MAX_BYTES = 200 * 1024;

/** The rows of the table, by the connector's name. */
async function rowsOf({ page }: OpenPage): Promise<Readonly<Record<string, string>>> {
  const script = `Object.fromEntries([...document.querySelectorAll('.connectors tbody tr')].map((row) =>
    [row.querySelector('th a').innerText, row.innerText]))`;
  return (await page.evaluate(script)) as Record<string, string>;
}

const WELL = ['healthy', 'local', 'hostile'];

export function testViews(world: () => PageWorld): void {
  test('connectors are shown with their states, and errors with code and phase, in under 200 KB (contract.md, surface)', async () => {
    const { browser, connectors } = world();
    await using gateway = await startGateway(connectors);
    await using open = await openPage(browser, gateway.origin);
    await open.see('unavailable', '.connectors');
    for (const id of WELL) {
      await open.page.waitForFunction(
        `[...document.querySelectorAll('.connectors tr')].some((row) => row.innerText.startsWith(${JSON.stringify(id)}) && row.innerText.includes('ready'))`,
      );
    }
    const rows = await rowsOf(open);
    expect(Object.keys(rows).toSorted()).toEqual(['dead', 'healthy', 'hostile', 'hung', 'local']);
    expect(rows['healthy']).toMatch(/ready[\s\S]*modern[\s\S]*2026-07-28/);
    expect(rows['local']).toMatch(/stdio[\s\S]*ready[\s\S]*legacy/);
    expect(rows['dead']).toMatch(/unavailable[\s\S]*connect/);
    await open.see('live', '.live-mark');
    expect(
      open.traffic.urls.filter(
        (url) => !url.startsWith(gateway.origin) && !url.startsWith('data:'),
      ),
    ).toEqual([]);
    expect(open.traffic.bytes).toBeGreaterThan(5_000);
    expect(open.traffic.bytes).toBeLessThan(MAX_BYTES);
    expect([open.complaints, await open.violations()]).toEqual([[], []]);
  });

  test('a connector in trouble opens with phase, code, cause and figures', async () => {
    const { browser, connectors } = world();
    await using gateway = await startGateway(connectors);
    await using open = await openPage(browser, gateway.origin, { hash: '#/connectors/dead' });
    await open.see('CONNECT_FAILED', 'dialog .trouble');
    const text = await open.text('dialog');
    expect(text).toMatch(/in phase connect/);
    expect(text).toContain('http://127.0.0.1:1');
    expect(text).toMatch(/Tools\s+0/);
    await open.page.click('dialog summary');
    await open.see('No connection to the server could be opened', 'dialog .trouble');
  });

  test('texts of servers are text: no tag runs, no sign turns the line, nothing invisible stays so (S13)', async () => {
    const { browser, connectors } = world();
    await using gateway = await startGateway(connectors.filter(({ id }) => id === 'hostile'));
    await using open = await openPage(browser, gateway.origin, { hash: '#/tools/hostile__take' });
    await open.see('U+202E', '.tool');
    await open.page.click('button.main');
    await open.see('answered', '.verdict');
    await open.see('<script>', '.result');
    const text = await open.text('main');
    expect(text).toContain('<img src=x onerror=');
    expect(text).toContain('U+200B');
    expect(text).not.toContain(HOSTILE_TEXT);
    expect(await open.page.$$('main img, main script')).toEqual([]);
    expect(await open.page.title()).toBe('Tools · Cortex MCP');
    expect([open.complaints, await open.violations()]).toEqual([[], []]);
  });

  test('the registry is browsed page by page, searched, and opened; without one the view says so', async () => {
    const { browser } = world();
    await using folder = tempFolder();
    await using gateway = await startRegistryGateway(folder.path);
    await publishMany(gateway.origin, 35);
    await using open = await openPage(browser, gateway.origin, { hash: '#/registry' });
    await open.see('io.example/server-29', '.registry');
    await (
      await open.page.waitForSelector('nav[aria-label="Pages of the registry"] button:last-child')
    )?.click();
    await open.see('io.example/server-34', '.registry');
    await open.page.type('[data-search]', 'server-07');
    await open.page.waitForFunction(`document.querySelectorAll('.registry tbody tr').length === 1`);
    await open.go('#/registry/io.example%2Fserver-07');
    await open.see('Number 7.', 'dialog');

    await using bare = await startGateway([]);
    await using other = await openPage(browser, bare.origin, { hash: '#/registry' });
    await other.see('serves no registry');
    expect([open.complaints, await open.violations()]).toEqual([[], []]);
  });

  test('flags show their values and where they come from, and the rollout its steps (S4-35)', async () => {
    const { browser } = world();
    const settings = {
      MCP_LIST_PREBUILT: {
        value: false,
        origin: { kind: 'environment', variable: 'MCP_LIST_PREBUILT' },
      },
      MCP_ROLLOUT_PERCENT: { value: 10, origin: { kind: 'default' } },
    };
    await using gateway = await startGateway([], {}, { describeSettings: () => settings });
    await using open = await openPage(browser, gateway.origin, { hash: '#/flags' });
    await open.see('MCP_LIST_PREBUILT', 'table');
    expect(await open.text('tbody tr')).toMatch(/false\s+true\s+MCP_LIST_PREBUILT/);
    await open.see('10 %', '.rollout');
    expect(await open.text('.steps')).toMatch(/10 %\s*reached[\s\S]*50 %\s*not yet/);
  });

  test('10,000 tools are listed, searched and opened without a wait', async () => {
    const { browser } = world();
    await using many = await startUpstream({ kind: 'modern-http', toolCount: 980, ttlMs: 600_000 });
    const ids = Array.from({ length: 10 }, (_, at) => `many-${at}`);
    await using gateway = await startGateway(ids.map((id) => connectorFor(many, id)));
    await using open = await openPage(browser, gateway.origin, { hash: '#/tools' });
    await open.page.waitForFunction(
      `Number((document.querySelector('.pager')?.innerText.match(/of ([\\d,]+) tools/)?.[1] ?? '0').replace(',', '')) >= 9800`,
    );
    const startedAt = performance.now();
    await open.page.type('[data-search]', 'many-7__tool_97');
    await open.see('11 tools', '.pager');
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect((await open.page.$$('.names li')).length).toBe(11);
  });
}
