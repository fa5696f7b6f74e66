/** Bar charts as SVG, from data alone: the same data give the same bytes. */

const width = 760;
const labelWidth = 250;
const valueWidth = 110;
const barHeight = 20;
const gap = 6;
const headHeight = 34;
const groupHeight = 24;
const colours = { ours: '#e07a1f', other: '#8fa6b8' };

function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

/** Three significant digits, without an exponent. */
export function shortNumber(value) {
  if (!Number.isFinite(value)) return '-';
  if (Math.abs(value) >= 100) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}

/**
 * `groups` hold bars of `{ label, value, range: [low, high], ours }`; all share one scale, logarithmic when the
 * largest is more than fifty times the smallest.
 */
export function barChart({ title, unit, groups }) {
  const bars = groups.flatMap((group) => group.bars);
  const largest = Math.max(...bars.map(({ range, value }) => Math.max(value, range[1])));
  const smallest = Math.min(...bars.map(({ value }) => value).filter((value) => value > 0));
  const logarithmic = largest / smallest > 50;
  const room = width - labelWidth - valueWidth;
  const floor = smallest / 2;
  const scale = (value) => {
    if (!(value > 0)) return 0;
    if (!logarithmic) return (value / largest) * room;
    return (Math.log(Math.max(value, floor) / floor) / Math.log(largest / floor)) * room;
  };
  const parts = [];
  let y = headHeight;
  for (const { name, bars: own } of groups) {
    parts.push(`<text x="4" y="${y + 16}" font-weight="bold">${escaped(name)}</text>`);
    y += groupHeight;
    for (const { label, value, range, ours } of own) {
      const middle = y + barHeight / 2;
      const end = labelWidth + scale(value);
      const [low, high] = range.map((one) => (labelWidth + scale(one)).toFixed(1));
      parts.push(
        `<text x="${labelWidth - 8}" y="${middle + 4}" text-anchor="end">${escaped(label)}</text>`,
        `<rect x="${labelWidth}" y="${y}" width="${scale(value).toFixed(1)}" height="${barHeight}" fill="${ours ? colours.ours : colours.other}"/>`,
        `<line x1="${low}" x2="${high}" y1="${middle}" y2="${middle}" stroke="#333333"/>`,
        `<text x="${(Math.max(end, Number(high)) + 6).toFixed(1)}" y="${middle + 4}">${shortNumber(value)} ${escaped(unit)}</text>`,
      );
      y += barHeight + gap;
    }
  }
  const note = logarithmic ? ', logarithmic' : '';
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y + 8}" font-family="sans-serif" font-size="12">`,
    '<rect width="100%" height="100%" fill="#ffffff"/>',
    `<text x="4" y="20" font-size="15">${escaped(title)} (${escaped(unit)}${note})</text>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}
