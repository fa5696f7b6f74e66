/** The place in the page that the part after `#` names. */
export type Route =
  | { readonly view: 'connectors'; readonly id: string | undefined }
  | { readonly view: 'tools'; readonly id: string | undefined }
  | { readonly view: 'registry'; readonly id: string | undefined }
  | { readonly view: 'flags'; readonly id: undefined };

export type View = Route['view'];

function decoded(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    // A hash typed by hand may be broken; it names nothing then.
    return undefined;
  }
}

/** `#/tools/weather__today` → the tool; anything unknown is the first view. */
export function parseRoute(hash: string): Route {
  const [, view = '', ...rest] = hash.replace(/^#/, '').split('/');
  const id = decoded(rest.join('/'));
  switch (view) {
    case 'tools':
    case 'registry':
      return { view, id };
    case 'flags':
      return { view, id: undefined };
    default:
      return { view: 'connectors', id: view === 'connectors' ? id : undefined };
  }
}

export function routeHash(view: View, id?: string): string {
  return id === undefined ? `#/${view}` : `#/${view}/${encodeURIComponent(id)}`;
}
