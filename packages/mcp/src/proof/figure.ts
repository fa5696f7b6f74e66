/** A measured number. What could not be read is `unknown`, never zero. */
export type Figure = number | 'unknown';

export function figure(value: number | undefined): Figure {
  return value === undefined || !Number.isFinite(value) ? 'unknown' : value;
}

/** The number, for arithmetic. */
export function known(value: Figure | undefined): number | undefined {
  return value === 'unknown' ? undefined : value;
}

/** What a number is of; decides how it is written, and what is too small to matter. */
export type Unit =
  | 'ms'
  | 'bytes'
  | 'bytesPerMinute'
  | 'perSecond'
  | 'perMinute'
  | 'ratio'
  | 'count';

const MIB = 1_048_576;

const WRITTEN: Readonly<Record<Unit, { readonly times: number; readonly suffix: string }>> = {
  ms: { times: 1, suffix: ' ms' },
  bytes: { times: 1 / MIB, suffix: ' MiB' },
  bytesPerMinute: { times: 1 / MIB, suffix: ' MiB/min' },
  perSecond: { times: 1, suffix: '/s' },
  perMinute: { times: 1, suffix: '/min' },
  ratio: { times: 100, suffix: ' %' },
  count: { times: 1, suffix: '' },
};

function digits(value: number): string {
  const size = Math.abs(value);
  if (size >= 100 || Number.isInteger(value)) return value.toFixed(0);
  if (size < 0.1) return Number(value.toPrecision(2)).toString();
  return value.toFixed(size >= 10 ? 1 : 2);
}

/** As people read it: `12 ms`, `84.2 MiB`, `3.1 %`; `unknown` stays. */
export function writeFigure(value: Figure, unit: Unit): string {
  if (value === 'unknown') return 'unknown';
  const { times, suffix } = WRITTEN[unit];
  return digits(value * times) + suffix;
}

/** `+12 %`, `−3.4 %`. */
export function writeChange(change: Figure): string {
  if (change === 'unknown') return '-';
  const percent = change * 100;
  const sign = percent > 0 ? '+' : percent < 0 ? '−' : '';
  return `${sign}${Math.abs(percent).toFixed(Math.abs(percent) < 10 ? 1 : 0)} %`;
}
