/** The tables of `docs/configuration.md`, from the JSON Schema of the file and the table of flags. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FLAG_TABLE } from '../packages/mcp/src/config/flag-table.ts';
import { root } from './workspace.mjs';

const schemaFile = join(root, 'packages', 'mcp', 'schema', 'config.schema.json');
const flags = { port: '--port', host: '--host' };
/** Keys with a chapter of their own. */
const chapters = new Set([
  '$schema',
  'mcpServers',
  'servers',
  'inputs',
  'flags',
  'serviceMap',
  'registry',
]);
/** Said at length elsewhere: of the file, and of a connector. */
const settingsElsewhere = {
  'auth.oauth': 'Tokens of an authorization server: [security](security.md#oauth).',
};
const connectorElsewhere = {
  auth: '`bearer`, `header` or `oauth`: [authentication](authentication.md).',
};

const cell = (text) => String(text).replaceAll('|', String.raw`\|`);
const line = (cells) => `| ${cells.map(cell).join(' | ')} |`;

function table(headings, rows) {
  return [line(headings), line(headings.map(() => '---')), ...rows.map(line)].join('\n');
}

const timeUnits = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
];
const sizeUnits = [
  [1_073_741_824, 'GiB'],
  [1_048_576, 'MiB'],
  [1_024, 'KiB'],
];

/** As people say a number whose key names its unit. */
function human(key, number) {
  const units = key.endsWith('Ms') ? timeUnits : key.endsWith('Bytes') ? sizeUnits : [];
  const unit = units.find(([size]) => number >= size && number % size === 0);
  return unit === undefined ? undefined : `${number / unit[0]} ${unit[1]}`;
}

/** `300000 (5 min)`: a value as it is written, and as people say it. */
function shownValue(key, given) {
  const said = typeof given === 'number' ? human(key, given) : undefined;
  const text = typeof given === 'string' ? given : JSON.stringify(given);
  return said === undefined ? `\`${text}\`` : `\`${text}\` (${said})`;
}

/** What may stand there. */
function allowed(key, property) {
  const { type, minimum, maximum, items } = property;
  if (property.enum !== undefined) return property.enum.map((one) => `\`${one}\``).join(', ');
  if (type === 'boolean') return '`true`, `false`';
  if (type === 'integer' || type === 'number')
    return `${minimum} to ${shownValue(key, maximum).replaceAll('`', '')}`;
  if (type === 'array')
    return items?.type === 'array'
      ? 'list of lists of texts'
      : items?.type === 'object'
        ? 'list of objects'
        : 'list of texts';
  return type === 'string' ? 'text' : 'object';
}

/** Variables stand at the end of a description, in parentheses. */
const variablesAt = /\s\(((?:[A-Z][A-Z0-9]*_)*[A-Z0-9]+(?:, (?:[A-Z][A-Z0-9]*_)*[A-Z0-9]+)*)\)\.$/;

function variablesOf({ description = '' }) {
  return variablesAt.exec(description)?.[1].split(', ') ?? [];
}

/** The sentence without its variables, and the default that it says. */
function meaningOf({ description = '' }) {
  const text = description.replace(variablesAt, '.');
  const said = /\s?Default: ((?:[^.]|\.(?=\S))*)\.$/.exec(text);
  return {
    meaning: said === null ? text : text.slice(0, said.index),
    standard: said?.[1],
  };
}

/** One row for each key; members of nested objects with a point between. */
function rowsOf(properties, elsewhere, path = '') {
  return Object.entries(properties).flatMap(([key, property]) => {
    const name = path + key;
    if (path === '' && chapters.has(key)) return [];
    const nested = elsewhere[name] === undefined ? property.properties : undefined;
    if (nested !== undefined) return rowsOf(nested, elsewhere, `${name}.`);
    const { meaning, standard } = meaningOf(property);
    const shown =
      property.default === undefined ? (standard ?? '') : shownValue(key, property.default);
    const origins = [flags[name], ...variablesOf(property)].filter(
      (origin) => origin !== undefined,
    );
    return [
      {
        name: `\`${name}\``,
        origins: origins.map((origin) => `\`${origin}\``).join(', '),
        allowed: elsewhere[name] === undefined ? allowed(key, property) : 'object',
        standard: shown,
        meaning: elsewhere[name] ?? meaning,
      },
    ];
  });
}

function keyTable(properties, heading, elsewhere = {}) {
  const rows = rowsOf(properties, elsewhere);
  if (rows.every(({ origins }) => origins === '')) {
    return table(
      [heading, 'may be', 'default', 'meaning'],
      rows.map((row) => [row.name, row.allowed, row.standard, row.meaning]),
    );
  }
  return table(
    [heading, 'flag, environment', 'may be', 'default', 'meaning'],
    rows.map((row) => [row.name, row.origins, row.allowed, row.standard, row.meaning]),
  );
}

function flagTable() {
  const rows = Object.entries(FLAG_TABLE).map(([name, { standard, rollback, owner, removal }]) => [
    `\`${name}\``,
    `\`${standard}\``,
    rollback,
    owner,
    removal,
  ]);
  const share = [
    '`MCP_ROLLOUT_PERCENT`',
    '`100`',
    'less: instances outside the cohort run with `MCP_CONNECTOR_REFRESH_SYNC` on',
    rows[0][3],
    rows[0][4],
  ];
  return table(['flag', 'default', 'the other value', 'owner', 'removed'], [...rows, share]);
}

/** The generated parts of the page by the name of their place. */
export function configurationParts() {
  const { properties } = JSON.parse(readFileSync(schemaFile, 'utf8'));
  return {
    settings: keyTable(properties, 'key', settingsElsewhere),
    flags: flagTable(),
    connector: keyTable(
      properties.mcpServers.additionalProperties.properties,
      'key',
      connectorElsewhere,
    ),
    serviceMap: keyTable(properties.serviceMap.properties, 'key of `serviceMap`'),
    registry: keyTable(properties.registry.properties, 'key of `registry`'),
  };
}
