import { expect, test } from 'vitest';
import { profileCosts, profileTree, type CpuProfile } from '../../src/proof/cpu-profile.ts';
import { flameGraph } from '../../src/proof/flame-graph.ts';

const at = (functionName: string, url: string) => ({ functionName, url, lineNumber: 4 });

/** `main` calls `work` twice, of which one call goes through `via`. */
const PROFILE: CpuProfile = {
  nodes: [
    { id: 1, callFrame: at('(root)', ''), children: [2, 5] },
    { id: 2, callFrame: at('main', 'file:///x/packages/mcp/src/main.ts'), children: [3, 4] },
    { id: 3, callFrame: at('work', 'file:///x/packages/mcp/src/work.ts') },
    { id: 4, callFrame: at('via', 'node:events'), children: [6] },
    { id: 5, callFrame: at('(idle)', '') },
    { id: 6, callFrame: at('work', 'file:///x/packages/mcp/src/work.ts') },
  ],
  samples: [3, 3, 4, 6, 5],
  timeDeltas: [10, 20, 5, 40, 100],
};

test('profileCosts() adds up a function wherever it was called from, most first (S3-09)', () => {
  const costs = profileCosts(profileTree(PROFILE)).filter(({ name }) => name !== '(idle)');
  expect(costs[0]).toEqual({
    name: 'work',
    place: 'mcp/src/work.ts:5',
    self: 70,
    total: 70,
  });
  expect(costs.find(({ name }) => name === 'main')).toMatchObject({ self: 0, total: 75 });
  expect(costs.find(({ name }) => name === 'via')).toMatchObject({
    place: 'node:events:5',
    total: 45,
  });
});

test('flameGraph() draws every function with its share, and leaves idle time out (S3-10)', () => {
  const svg = flameGraph(profileTree(PROFILE), 'a <test>');
  expect(svg).toContain('<title>main (mcp/src/main.ts:5): 100.00 %, itself 0.00 %</title>');
  expect(svg).toContain('<title>via (node:events:5): 60.00 %, itself 6.67 %</title>');
  expect(svg).toContain('a &lt;test&gt;: 0 ms of work');
  expect(svg).not.toContain('(idle)');
});
