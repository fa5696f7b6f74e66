/**
 * What becomes of a tool that is not as it was approved (S9): `alert` says so, `quarantine` also keeps it from being
 * called, `off` does not look.
 */
export type PinMode = 'alert' | 'quarantine' | 'off';

/** Whether what is seen of a server for the first time counts as approved. */
export type FirstUse = 'approve' | 'require';

/** Whether prose of servers is listed as it is, or without characters that nobody sees. */
export type OddTextMode = 'flag' | 'strip';
