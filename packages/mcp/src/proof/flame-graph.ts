import type { ProfileFrame } from './cpu-profile.ts';

const WIDTH = 1_400;
const ROW = 17;
const MIN_WIDTH = 0.4;
const CHAR_WIDTH = 6.4;
const LEFT_OUT = new Set(['(idle)']);

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** Ours, of packages, of Node, of the engine. */
function colourOf({ place, name }: ProfileFrame): string {
  if (name === '(garbage collector)') return '#b56576';
  if (place === 'v8') return '#c9c9c9';
  if (place.startsWith('node:')) return '#8fb8de';
  return /^(mcp|mcp-registry|testkit)\//.test(place) ? '#f4a259' : '#8cb369';
}

/** Children of the same name in one, so that the picture is of functions and not of samples. */
function merged(frames: readonly ProfileFrame[]): readonly ProfileFrame[] {
  const byKey = new Map<string, ProfileFrame>();
  for (const frame of frames) {
    const key = `${frame.name} ${frame.place}`;
    const known = byKey.get(key);
    byKey.set(
      key,
      known === undefined
        ? frame
        : {
            ...known,
            self: known.self + frame.self,
            total: known.total + frame.total,
            children: [...known.children, ...frame.children],
          },
    );
  }
  return [...byKey.values()].toSorted((a, b) => b.total - a.total);
}

/** What the numbers of a profile are, and how their sum is written. */
export type FlameUnit = 'time' | 'memory';

function sumLine(total: number, unit: FlameUnit): string {
  return unit === 'time'
    ? `${(total / 1_000).toFixed(0)} ms of work, idle left out`
    : `${(total / 1_048_576).toFixed(1)} MiB`;
}

/** An SVG of where time or memory went: each box a function, as wide as its share, above what called it. */
export function flameGraph(root: ProfileFrame, title: string, unit: FlameUnit = 'time'): string {
  const top = merged(root.children).filter(({ name }) => !LEFT_OUT.has(name));
  const total = top.reduce((sum, frame) => sum + frame.total, 0);
  const boxes: string[] = [];
  let deepest = 0;
  const draw = (frame: ProfileFrame, x: number, depth: number): void => {
    const width = (frame.total / total) * WIDTH;
    if (width < MIN_WIDTH) return;
    deepest = Math.max(deepest, depth);
    const share = ((100 * frame.total) / total).toFixed(2);
    const self = ((100 * frame.self) / total).toFixed(2);
    const y = (depth + 2) * ROW;
    const label = escaped(frame.name.slice(0, Math.max(0, Math.floor(width / CHAR_WIDTH))));
    const about = escaped(`${frame.name} (${frame.place}): ${share} %, itself ${self} %`);
    boxes.push(
      `<g><title>${about}</title><rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${ROW - 1}" ` +
        `fill="${colourOf(frame)}" rx="1"/><text x="${(x + 2).toFixed(1)}" y="${y + 12}">${label}</text></g>`,
    );
    let at = x;
    for (const child of merged(frame.children)) {
      draw(child, at, depth + 1);
      at += (child.total / total) * WIDTH;
    }
  };
  let at = 0;
  for (const frame of top) {
    draw(frame, at, 0);
    at += (frame.total / total) * WIDTH;
  }
  const height = (deepest + 4) * ROW;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="monospace" font-size="11">`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    `<text x="4" y="14" font-size="13">${escaped(title)}: ${sumLine(total, unit)}</text>`,
    ...boxes,
    '</svg>',
    '',
  ].join('\n');
}
