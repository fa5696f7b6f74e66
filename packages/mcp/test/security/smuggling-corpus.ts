/** One message that two readers could understand differently. */
export interface Payload {
  readonly what: string;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** Harmless after all: it is read and written anew. Default: refused. */
  readonly passes?: boolean;
}

const META =
  '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"x","version":"0"},"io.modelcontextprotocol/clientCapabilities":{}}';
/** The call that is allowed and the one that is not, on both sides of the gateway. */
const GOOD = '"name":"m__echo"';
const BAD = '"name":"m__fail"';
const BARE = '"name":"fail"';
const ARGS = '"arguments":{"message":"x"}';
const params = (inside: string): string => `"params":{${inside},${META}}`;
const message = (inside: string): string => `{"jsonrpc":"2.0","id":1,${inside}}`;
const CALL = '"method":"tools/call"';
const OK_PARAMS = params(`${GOOD},${ARGS}`);
const BAD_PARAMS = params(`${BARE},${ARGS}`);
const OK = message(`${CALL},${OK_PARAMS}`);

function envelope(): Payload[] {
  const evil: readonly (readonly [string, string])[] = [
    ['method twice', `"method":"tools/list",${CALL},${OK_PARAMS}`],
    ['method twice, the list last', `${CALL},"method":"tools/list",${OK_PARAMS}`],
    ['Method beside method (GHSA-wvj2-96wp-fq3f)', `${CALL},"Method":"tools/list",${OK_PARAMS}`],
    ['METHOD before method', `"METHOD":"tools/list",${CALL},${OK_PARAMS}`],
    ['an escaped method beside method', `"\\u006dethod":"tools/list",${CALL},${OK_PARAMS}`],
    ['method with NUL', `"method\\u0000":"tools/list",${CALL},${OK_PARAMS}`],
    ['params twice', `${CALL},${BAD_PARAMS},${OK_PARAMS}`],
    ['params twice, the good one first', `${CALL},${OK_PARAMS},${BAD_PARAMS}`],
    [
      'Params beside params (CVE-2026-27896)',
      `${CALL},${OK_PARAMS},${BAD_PARAMS.replace('params', 'Params')}`,
    ],
    ['PARAMS first', `${CALL},${BAD_PARAMS.replace('params', 'PARAMS')},${OK_PARAMS}`],
    ['param with U+017F', `${CALL},${BAD_PARAMS.replace('params', 'param\u017f')},${OK_PARAMS}`],
    ['the same, escaped', `${CALL},${BAD_PARAMS.replace('params', 'param\\u017f')},${OK_PARAMS}`],
    ['params in fullwidth', `${CALL},${BAD_PARAMS.replace('params', 'ｐａｒａｍｓ')},${OK_PARAMS}`],
    ['only Params', `${CALL},${OK_PARAMS.replace('params', 'Params')}`],
    ['ID beside id', `"ID":2,${CALL},${OK_PARAMS}`],
    ['id twice', `"id":2,${CALL},${OK_PARAMS}`],
    ['jsonRPC beside jsonrpc', `"jsonRPC":"1.0",${CALL},${OK_PARAMS}`],
    ['params as a list', `${CALL},"params":["m__fail"]`],
    ['params as text', `${CALL},"params":"m__fail"`],
    ['method as a list', `"method":["tools/call"],${OK_PARAMS}`],
    ['Result beside method', `${CALL},"RESULT":{},"result":{},"Result":{},${OK_PARAMS}`],
  ];
  return evil.map(([what, inside]) => ({ what, body: message(inside) }));
}

function inParams(): Payload[] {
  const evil: readonly (readonly [string, string])[] = [
    ['name twice', `${BARE},${GOOD},${ARGS}`],
    ['name twice, the good one first', `${GOOD},${BARE},${ARGS}`],
    ['Name beside name', `${GOOD},${BARE.replace('name', 'Name')},${ARGS}`],
    ['NAME first', `${BARE.replace('name', 'NAME')},${GOOD},${ARGS}`],
    ['name with NUL', `${GOOD},${BARE.replace('name', 'name\\u0000')},${ARGS}`],
    ['name with a line end', `${GOOD},${BARE.replace('name', '\\nname')},${ARGS}`],
    ['name in fullwidth', `${GOOD},${BARE.replace('name', 'ｎａｍｅ')},${ARGS}`],
    ['an escaped name', `${GOOD},${BARE.replace('name', 'n\\u0061me')},${ARGS}`],
    ['arguments twice', `${GOOD},"arguments":{"message":"other"},${ARGS}`],
    ['Arguments beside arguments', `${GOOD},"Arguments":{"message":"other"},${ARGS}`],
    ['argument with U+017F', `${GOOD},"argument\u017f":{"message":"other"},${ARGS}`],
    ['tokens with U+212A', `${GOOD},"tas\u212aId":"t","taskId":"u",${ARGS}`],
    ['_META beside _meta', `${GOOD},"_META":{},${ARGS}`],
    ['_meta twice', `${GOOD},"_meta":{},${ARGS}`],
    ['name as a list', `"name":["m__echo","fail"],${ARGS}`],
  ];
  const meta: readonly (readonly [string, string])[] = [
    ['the version twice in _meta', '"io.modelcontextprotocol/protocolVersion":"2025-06-18",'],
    ['the version in capitals in _meta', '"io.modelcontextprotocol/ProtocolVersion":"2025-06-18",'],
    ['ProgressToken beside progressToken', '"progressToken":1,"ProgressToken":2,'],
    ['progressToken with U+212A', '"progressToken":1,"progressTo\u212aen":2,'],
  ];
  return [
    ...evil.map(([what, inside]) => ({ what, body: message(`${CALL},${params(inside)}`) })),
    ...meta.map(([what, inside]) => ({
      what,
      body: OK.replace('"_meta":{', `"_meta":{${inside}`),
    })),
  ];
}

function notJson(): Payload[] {
  const bad: readonly (readonly [string, string])[] = [
    ['two messages', `${OK}${OK.replace('m__echo', 'fail')}`],
    ['two lines', `${OK}\n${OK.replace('m__echo', 'fail')}`],
    ['a comment', OK.replace('"id"', '/*"params":{"name":"fail"},*/"id"')],
    ['a comma at the end', `${OK.slice(0, -1)},}`],
    ['single quotes', OK.replaceAll('"', "'")],
    ['a key without quotes', OK.replace('"id"', 'id')],
    ['NaN', OK.replace('"id":1', '"id":NaN')],
    ['a hexadecimal id', OK.replace('"id":1', '"id":0x1')],
    ['an id with a leading zero', OK.replace('"id":1', '"id":01')],
    ['a line end inside a string', OK.replace('m__echo', 'm__\necho')],
    ['no-break space between members', OK.replace(',"id"', ',\u00a0"id"')],
    ['a vertical tab between members', OK.replace(',"id"', ',\v"id"')],
    ['a NUL in front', `\0${OK}`],
    ['an infinite id', OK.replace('"id":1', '"id":1e999')],
    ['an id of a fraction', OK.replace('"id":1', '"id":1.5')],
    ['an id of 54 bits', OK.replace('"id":1', '"id":9007199254740993')],
    ['an id that is null', OK.replace('"id":1', '"id":null')],
    ['an id that is an object', OK.replace('"id":1', '"id":{"a":1}')],
    ['jsonrpc as a number', OK.replace('"2.0"', '2.0')],
    ['jsonrpc 2', OK.replace('"2.0"', '"2"')],
    ['a batch', `[${OK}]`],
    ['65 levels', OK.replace('"x"', `${'['.repeat(65)}${']'.repeat(65)}`)],
  ];
  return [
    ...bad.map(([what, body]) => ({ what, body })),
    { what: 'UTF-16', body: Buffer.from(`\ufeff${OK}`, 'utf16le') },
    {
      what: 'an overlong slash',
      body: Buffer.concat([
        Buffer.from(OK.slice(0, -20)),
        Buffer.from([0xc0, 0xaf]),
        Buffer.from(OK.slice(-20)),
      ]),
    },
    { what: 'half a surrogate in UTF-8', body: Buffer.from(OK.replace('"x"', '"§"'), 'latin1') },
  ];
}

function headers(): Payload[] {
  const evil: readonly (readonly [string, Record<string, string>, string])[] = [
    ['Mcp-Name of another tool', { 'mcp-name': 'fail' }, OK],
    ['Mcp-Name of the good tool over a bad one', {}, OK.replace(GOOD, BAD)],
    ['Mcp-Name of another tool, encoded', { 'mcp-name': '=?base64?bV9fZmFpbA==?=' }, OK],
    ['Mcp-Name of two tools', { 'mcp-name': 'm__echo, m__fail' }, OK],
    ['Mcp-Name without the prefix', { 'mcp-name': 'echo' }, OK],
    ['Mcp-Method of a list', { 'mcp-method': 'tools/list' }, OK],
    ['Mcp-Method of a call over a list', {}, OK.replace('tools/call', 'tools/list')],
    ['Mcp-Method in capitals', { 'mcp-method': 'TOOLS/CALL' }, OK],
    ['another revision than in _meta', { 'mcp-protocol-version': '2025-11-25' }, OK],
    ['text/plain', { 'content-type': 'text/plain' }, OK],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, OK],
    ['gzip that is none', { 'content-encoding': 'gzip' }, OK],
  ];
  return evil.map(([what, given, body]) => ({ what, headers: given, body }));
}

/** Read as everybody would read it: what is sent on is written anew. */
function harmless(): Payload[] {
  const good: readonly (readonly [string, string])[] = [
    ['white space everywhere', OK.replaceAll(/([{},:])/g, ' \r\n\t$1 ').replaceAll(' : //', '://')],
    [
      'escapes in known keys',
      OK.replace('"method"', '"\\u006dethod"').replace('"name"', '"n\\u0061me"'),
    ],
    ['an escaped tool', OK.replace('m__echo', 'm\\u005f_echo')],
    [
      'unknown members of the envelope',
      OK.replace('"id"', '"meth\u043ed":"tools/list","x":{},"id"'),
    ],
    ['__proto__ in the envelope', OK.replace('"id"', '"__proto__":{"method":"tools/list"},"id"')],
    ['duplicate keys inside arguments', OK.replace('"message":"x"', '"message":"x","Message":"y"')],
  ];
  return good.map(([what, body]) => ({ what, body, passes: true }));
}

/** About ninety ways of saying two things at once; only `echo` may be called. */
export const PAYLOADS: readonly Payload[] = [
  ...envelope(),
  ...inParams(),
  ...notJson(),
  ...headers(),
  ...harmless(),
];
