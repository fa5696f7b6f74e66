import type { Principal } from '../../auth/principal.ts';

/** Everybody, where nobody has to say who he is. */
export const ANONYMOUS: Principal = {
  id: 'anonymous',
  kind: 'anonymous',
  policy: undefined,
  scopes: new Set(),
};
