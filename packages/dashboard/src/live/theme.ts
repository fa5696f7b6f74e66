/** Which colours: as the system says, or always the same. */
export type Theme = 'system' | 'light' | 'dark';

const NAME = 'cortex-mcp.theme';

export function readTheme(storage: Pick<Storage, 'getItem'>): Theme {
  try {
    const kept = storage.getItem(NAME);
    return kept === 'light' || kept === 'dark' ? kept : 'system';
  } catch {
    // A browser may forbid storage; the system decides then.
    return 'system';
  }
}

export function keepTheme(storage: Pick<Storage, 'setItem'>, theme: Theme): void {
  try {
    storage.setItem(NAME, theme);
  } catch {
    // As above: the choice lasts until the page is left.
  }
}
