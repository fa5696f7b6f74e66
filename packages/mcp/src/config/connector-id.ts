const ID = /^[a-z0-9][a-z0-9-]{0,62}$/;
const MAX_LENGTH = 63;

/** True for a name that can be an id as it stands (contract.md). */
export function isConnectorId(name: string): boolean {
  return ID.test(name);
}

/** The id for a given name, collisions aside: `My Server` → `my-server`, `github_v2` → `github-v2`. */
export function slug(name: string): string {
  const plain = name
    .normalize('NFKD')
    .replaceAll(/\p{M}+/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, MAX_LENGTH)
    .replace(/-+$/, '');
  return plain === '' ? 'connector' : plain;
}

/**
 * Ids for the names of one file, in order. A name that is an id already keeps it, whatever else slugs to it, so
 * that adding an entry cannot rename another; later collisions get `-2`, `-3`, ….
 */
export function assignConnectorIds(names: readonly string[]): string[] {
  const taken = new Set(names.filter((name) => isConnectorId(name)));
  return names.map((name) => {
    if (isConnectorId(name)) return name;
    const base = slug(name);
    let id = base;
    for (let count = 2; taken.has(id); count += 1) {
      const suffix = `-${count}`;
      id = base.slice(0, MAX_LENGTH - suffix.length).replace(/-+$/, '') + suffix;
    }
    taken.add(id);
    return id;
  });
}
