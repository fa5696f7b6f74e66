/**
 * Moves the user info of a URL into the header it stands for, which HTTP clients do not send by themselves. A header of
 * that name among `headers` or `others` wins.
 * @throws URIError for a malformed percent escape.
 */
export function takeUserInfo(
  url: URL,
  headers: Record<string, string>,
  others: Readonly<Record<string, string>> = {},
): void {
  if (url.username === '' && url.password === '') return;
  const given = [...Object.keys(headers), ...Object.keys(others)].some(
    (name) => name.toLowerCase() === 'authorization',
  );
  if (!given) {
    const pair = [url.username, url.password].map((part) => decodeURIComponent(part)).join(':');
    headers['Authorization'] = `Basic ${Buffer.from(pair, 'utf8').toString('base64')}`;
  }
  url.username = '';
  url.password = '';
}
