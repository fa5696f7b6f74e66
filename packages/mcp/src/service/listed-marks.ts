import { createHash } from 'node:crypto';
import type { CatalogCell, CatalogView } from '../catalog/catalog.ts';

/** As long as what the page has of a manifest's digest. */
const MARK_LENGTH = 12;

function markOf({ tools }: CatalogView<unknown>): string {
  const hash = createHash('sha256');
  for (const [name, { definition, quarantine }] of tools)
    hash.update(JSON.stringify([name, quarantine, definition?.text]));
  return hash.digest('base64url').slice(0, MARK_LENGTH);
}

/**
 * What the catalog lists of a connector's tools, in one word: another one after an approval of pins, though the server
 * offers the same. Made again only when the catalog's part of that connector is another one.
 * @returns a function that gives undefined for a connector of which nothing is listed.
 */
export function createListedMarks(
  cell: Pick<CatalogCell<unknown>, 'current'>,
): (connectorId: string) => string | undefined {
  const marks = new WeakMap<CatalogView<unknown>, string>();
  return (connectorId) => {
    const view = cell.current.connectors.get(connectorId);
    if (view === undefined) return undefined;
    const known = marks.get(view);
    if (known !== undefined) return known;
    const mark = markOf(view);
    marks.set(view, mark);
    return mark;
  };
}
