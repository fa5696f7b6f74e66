const NOTHING = '–';
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function two(value: number): string {
  return String(Math.floor(value)).padStart(2, '0');
}

/** `830 ms`, `4.2 s`, `3 min 05 s`, `2 h 10 min`, `4 d 03 h`; a dash for undefined. */
export function formatDuration(ms: number | undefined): string {
  if (ms === undefined) return NOTHING;
  if (ms < SECOND) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 10 * SECOND) return `${(ms / SECOND).toFixed(1)} s`;
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ${two((ms % MINUTE) / SECOND)} s`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h ${two((ms % HOUR) / MINUTE)} min`;
  return `${Math.floor(ms / DAY)} d ${two((ms % DAY) / HOUR)} h`;
}

/** Whole seconds and only the largest unit, for things that tick: `8 s`, `4 min`, `2 h`, `3 d`. */
export function formatCoarse(ms: number | undefined): string {
  if (ms === undefined) return NOTHING;
  if (ms < MINUTE) return `${Math.max(0, Math.floor(ms / SECOND))} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h`;
  return `${Math.floor(ms / DAY)} d`;
}

/** Milliseconds with as many digits as matter: `0.42`, `7.3`, `128`, `4,210`. */
export function formatMs(ms: number | undefined): string {
  if (ms === undefined) return NOTHING;
  if (ms >= 100) return formatCount(Math.round(ms));
  return ms >= 10 ? ms.toFixed(0) : ms.toFixed(ms >= 1 ? 1 : 2);
}

/** `12`, `1,234`; a dash for undefined. */
export function formatCount(value: number | undefined): string {
  if (value === undefined) return NOTHING;
  return String(value).replace(/\B(?=(?:\d{3})+(?!\d))/g, ',');
}

/** Per second: `0`, `0.4`, `12`. */
export function formatRate(value: number | undefined): string {
  if (value === undefined) return NOTHING;
  if (value === 0) return '0';
  return value < 10 ? value.toFixed(1) : formatCount(Math.round(value));
}

/** `512 B`, `4.0 KiB`, `73 MiB`. */
export function formatBytes(bytes: number | undefined): string {
  if (bytes === undefined) return NOTHING;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 10 ? Math.round(value) : value.toFixed(1)} ${units[unit] ?? ''}`;
}

/** Local date and time, to the second. */
export function formatTime(at: number | undefined): string {
  if (at === undefined) return NOTHING;
  const date = new Date(at);
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
