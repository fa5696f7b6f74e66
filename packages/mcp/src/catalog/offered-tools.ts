import type { CatalogView } from './catalog.ts';

/** A tool as an endpoint offers it. */
export interface OfferedTool {
  readonly name: string;
  readonly connectorId: string;
  readonly description: string | undefined;
}

/** The tools of a view, for people and programs in this process. */
export function offeredTools(view: CatalogView<unknown>): readonly OfferedTool[] {
  // Of the two braces at its end one closes the object that begins here.
  const text = `{${view.lists.tools.bytes('modern').toString('utf8').slice(0, -1)}`;
  const listed: unknown = JSON.parse(text);
  const items: unknown = typeof listed === 'object' && listed && Reflect.get(listed, 'tools');
  return (Array.isArray(items) ? items : []).map((item: object) => {
    const name = String(Reflect.get(item, 'name'));
    const description: unknown = Reflect.get(item, 'description');
    return {
      name,
      connectorId: view.tools.get(name)?.connectorId ?? '',
      description: typeof description === 'string' ? description : undefined,
    };
  });
}
