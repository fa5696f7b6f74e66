import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import axe from 'axe-core';
import type { OpenPage } from './browser.ts';

interface AxeResults {
  readonly violations: readonly {
    readonly id: string;
    readonly impact: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
  }[];
}

/** A folder for pictures of every scene, for a person to look at. Default: none are taken. */
const { PAGE_SHOTS: SHOTS } = process.env;

/** What reaches beyond the right edge although nothing around it scrolls. */
const OVERFLOW = `(() => {
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  return wide > 0 ? ['the page is ' + wide + ' px too wide'] : [];
})()`;

/** Serious and critical findings of axe-core, and whether the page scrolls sideways; one line each. */
async function findingsNow({ page }: OpenPage): Promise<readonly string[]> {
  if ((await page.evaluate('typeof axe')) === 'undefined') await page.evaluate(axe.source);
  // Preloading is for media and foreign style sheets, which the page has none of.
  const { violations } = (await page.evaluate(
    'axe.run({ resultTypes: ["violations"], preload: false })',
  )) as AxeResults;
  const overflow = (await page.evaluate(OVERFLOW)) as string[];
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map((one) => `${id}: ${one.html} ${one.failureSummary}`))
    .concat(overflow);
}

/** What is wrong with the page as it is now, on a wide screen and at 400 px; it is wide again afterwards. */
export async function findingsOf(open: OpenPage, scene: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const width of [400, 1280]) {
    await open.page.setViewport({ width, height: 860 });
    for (const one of await findingsNow(open)) found.push(`${scene} at ${width} px: ${one}`);
    if (SHOTS === undefined) continue;
    mkdirSync(SHOTS, { recursive: true });
    await open.page.screenshot({
      path: join(SHOTS, `${scene.replaceAll(/\W+/g, '-')}-${width}.png`),
    });
  }
  return found;
}
