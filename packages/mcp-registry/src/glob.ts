/**
 * Whether a text matches a pattern with `*` (any run) and `?` (one character), ignoring case. Linear in practice and
 * free of regular expressions: patterns come from callers (defect 25).
 */
export function matchesGlob(text: string, pattern: string): boolean {
  const subject = text.toLowerCase();
  const glob = pattern.toLowerCase();
  let at = 0;
  let inGlob = 0;
  let star = -1;
  let retry = 0;
  while (at < subject.length) {
    if (glob[inGlob] === '*') {
      star = inGlob++;
      retry = at;
    } else if (inGlob < glob.length && (glob[inGlob] === '?' || glob[inGlob] === subject[at])) {
      inGlob++;
      at++;
    } else if (star !== -1) {
      inGlob = star + 1;
      at = ++retry;
    } else return false;
  }
  while (glob[inGlob] === '*') inGlob++;
  return inGlob === glob.length;
}
