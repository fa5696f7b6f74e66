/** How an option is written: alone, with one value, or with a value each of several times. */
export interface OptionFacts {
  readonly kind: 'flag' | 'text' | 'list';
  readonly usage: string;
  readonly meaning: string;
}

const flag = (usage: string, meaning: string): OptionFacts => ({ kind: 'flag', usage, meaning });
const text = (usage: string, meaning: string): OptionFacts => ({ kind: 'text', usage, meaning });
const list = (usage: string, meaning: string): OptionFacts => ({ kind: 'list', usage, meaning });

export type OptionName =
  | 'config'
  | 'port'
  | 'host'
  | 'json'
  | 'all'
  | 'outcome'
  | 'key-file'
  | 'ed25519'
  | 'kid'
  | 'url'
  | 'header'
  | 'env'
  | 'cwd'
  | 'disabled'
  | 'force'
  | 'text'
  | 'limit'
  | 'repair'
  | 'connector'
  | 'dry-run'
  | 'apply'
  | 'undo'
  | 'write'
  | 'connect'
  | 'list'
  | 'stdio'
  | 'since'
  | 'file'
  | 'no-browser'
  | 'title'
  | 'scope'
  | 'allow-connector'
  | 'deny-connector'
  | 'allow-tool'
  | 'deny-tool'
  | 'allow-prompt'
  | 'deny-prompt'
  | 'allow-resource'
  | 'deny-resource'
  | 'rate'
  | 'expires'
  | 'seconds'
  | 'baseline'
  | 'accept-effort'
  | 'once'
  | 'since-last'
  | 'keep'
  | 'interval'
  | 'label'
  | 'dir'
  | 'probe'
  | 'args'
  | 'bench'
  | 'threshold'
  | 'out'
  | 'mode'
  | 'pid'
  | 'snapshot'
  | 'steps'
  | 'calls'
  | 'grace';

/** Every option of every command. A command names those it takes. */
export const OPTIONS: Readonly<Record<OptionName, OptionFacts>> = {
  config: text('--config <file>', "this file instead of ./cortex-mcp.json or the state folder's"),
  port: text('--port <number>', 'listen here (3024); 0 takes a free port'),
  host: text(
    '--host <address>',
    'listen on this address (127.0.0.1); one that other machines reach needs keys',
  ),
  json: flag('--json', 'print JSON'),
  outcome: text('--outcome <word>', 'only calls that ended so'),
  all: flag('--all', 'everything that waits'),
  'key-file': text(
    '--key-file <file>',
    'key of a service map, instead of CONNECTORS_SIGNATURE_KEY',
  ),
  ed25519: flag('--ed25519', 'a key pair, where only the signer can sign'),
  kid: text('--kid <id>', 'name of the signing key, written into the map'),
  url: text('--url <address>', 'address of a server or, for stdio, of a running service'),
  header: list('--header <K=V>', 'a header for it; may be given several times'),
  env: list('--env <K=V>', 'a variable for its process; may be given several times'),
  cwd: text('--cwd <folder>', 'working folder of its process'),
  disabled: flag('--disabled', 'add it without switching it on'),
  force: flag('--force', 'replace one of the same name'),
  text: text('--text <words>', 'only those whose name, title or description holds this'),
  limit: text('--limit <number>', 'at most this many (100)'),
  repair: flag('--repair', 'put right what can be, moving bytes aside and never deleting any'),
  connector: text('--connector <id>', 'this connector only, under its own names'),
  'dry-run': flag('--dry-run', 'show what would be done (the default)'),
  apply: flag('--apply', 'do it'),
  undo: flag('--undo', 'take the last one back'),
  write: flag('--write', "merge it into the client's own file, keeping a copy"),
  connect: flag('--connect', 'let the gateway use what was imported'),
  list: flag('--list', 'show every client and what there is of it here'),
  stdio: flag('--stdio', 'let it start cortex-mcp stdio instead of naming an address'),
  since: text('--since <time>', 'only what has changed since this date and time'),
  file: text('--file <path>', "this file instead of the client's usual one"),
  title: text('--title <words>', 'what the key is for'),
  scope: list('--scope <name>', 'what it may do (client); may be given several times'),
  'allow-connector': list('--allow-connector <pattern>', 'these connectors only'),
  'deny-connector': list('--deny-connector <pattern>', 'not these connectors'),
  'allow-tool': list('--allow-tool <pattern>', 'these tools only'),
  'deny-tool': list('--deny-tool <pattern>', 'not these tools'),
  'allow-prompt': list('--allow-prompt <pattern>', 'these prompts only'),
  'deny-prompt': list('--deny-prompt <pattern>', 'not these prompts'),
  'allow-resource': list('--allow-resource <pattern>', 'these resources only'),
  'deny-resource': list('--deny-resource <pattern>', 'not these resources'),
  rate: text('--rate <number>', 'requests a minute (any number); of a probe: calls a second'),
  expires: text('--expires <time>', 'good for so long, such as 90d or 12h (for ever)'),
  seconds: text('--seconds <number>', 'how long to watch'),
  baseline: text('--baseline <folder>', 'a folder of cortex-mcp baseline'),
  'accept-effort': flag(
    '--accept-effort',
    'somebody has agreed to run and watch what pooling adds',
  ),
  once: flag('--once', 'print one frame and end'),
  'since-last': flag('--since-last', 'one frame of all the time since the last run that had this'),
  keep: text(
    '--keep <number>',
    'remove all but the newest so many of this label; never by default',
  ),
  interval: text('--interval <time>', 'time between two looks, 250ms to 1h (2s)'),
  label: text('--label <word>', 'name of the folder, after the date (pre-optimization)'),
  dir: text('--dir <folder>', 'where baselines are kept (~/mcp-optimization-baselines)'),
  probe: text('--probe <tool>', 'call this tool meanwhile, as fast as eight at a time go'),
  args: text('--args <json>', 'arguments of those calls ({})'),
  bench: text('--bench <file>', 'record of npm run bench, for budgets that only it measures'),
  threshold: text('--threshold <share>', 'a change beyond this, and beyond noise, counts (0.10)'),
  out: text('-o, --out <file>', 'write it here'),
  mode: text('--mode <word>', 'cpu: normal or fine; heap: live or allocated'),
  pid: text('--pid <number>', 'this process instead of the service of the configuration'),
  snapshot: flag('--snapshot', 'the whole heap instead of samples; the service stands still'),
  steps: text('--steps <list>', 'percentages (1,10,50,100)'),
  calls: text('--calls <number>', 'calls the cohort must have seen (100)'),
  grace: text('--grace <time>', 'how long the old one stays good (24h)'),
  'no-browser': flag('--no-browser', 'print the address instead of opening it'),
};

/** What a command line gave. */
export interface GivenOptions {
  has(name: OptionName): boolean;
  /** The value; of several, the last. */
  text(name: OptionName): string | undefined;
  /** Every value, in order. */
  all(name: OptionName): readonly string[];
}
