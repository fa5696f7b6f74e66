/** As much of YAML as our manifests use: block maps, block lists, block texts, flow-free scalars. Throws on the rest. */
export type Yaml = string | readonly Yaml[] | { readonly [key: string]: Yaml };

interface Line {
  readonly indent: number;
  readonly text: string;
}

const KEY = /^([\w./-]+):(?:\s+(.*))?$/;

function linesOf(text: string): Line[] {
  return text
    .split('\n')
    .filter((line) => !/^\s*(?:#.*)?$/.test(line))
    .map((line) => ({ indent: line.search(/\S/), text: line.trim() }));
}

class Reader {
  readonly #lines: Line[];
  #at = 0;

  constructor(lines: Line[]) {
    this.#lines = lines;
  }

  /** The block whose lines are indented by `indent`. */
  block(indent: number): Yaml {
    return this.#peek(indent)?.text.startsWith('- ') === true
      ? this.#list(indent)
      : this.#map(indent);
  }

  end(): void {
    if (this.#at < this.#lines.length) throw new Error(`not read: ${this.#lines[this.#at]?.text}`);
  }

  #peek(indent: number): Line | undefined {
    const line = this.#lines[this.#at];
    return line?.indent === indent ? line : undefined;
  }

  #list(indent: number): Yaml {
    const items: Yaml[] = [];
    for (let line = this.#peek(indent); line?.text.startsWith('- '); line = this.#peek(indent)) {
      const text = line.text.slice(2);
      if (KEY.test(text)) {
        this.#lines[this.#at] = { indent: indent + 2, text };
        items.push(this.#map(indent + 2));
      } else {
        this.#at += 1;
        items.push(scalar(text));
      }
    }
    return items;
  }

  #map(indent: number): Yaml {
    const map: Record<string, Yaml> = {};
    for (let line = this.#peek(indent); line !== undefined; line = this.#peek(indent)) {
      const [, key, value] = KEY.exec(line.text) ?? [];
      if (key === undefined) break;
      if (Object.hasOwn(map, key)) throw new Error(`twice: ${key}`);
      this.#at += 1;
      map[key] = this.#value(indent, value);
    }
    if (Object.keys(map).length === 0) throw new Error(`no map at ${this.#lines[this.#at]?.text}`);
    return map;
  }

  #value(indent: number, value: string | undefined): Yaml {
    const next = this.#lines[this.#at]?.indent ?? 0;
    if (value === undefined || value === '') return this.block(next);
    if (value !== '|') return scalar(value);
    let text = '';
    while ((this.#lines[this.#at]?.indent ?? 0) > indent) {
      text += `${this.#lines[this.#at]?.text}\n`;
      this.#at += 1;
    }
    return text;
  }
}

function scalar(text: string): Yaml {
  if (text === '{}') return {};
  if (/^[[{&*!>%@`]/.test(text)) throw new Error(`not understood: ${text}`);
  return text.replace(/^(["'])(.*)\1$/, '$2');
}

/** The documents of one file. */
export function parseYaml(text: string): Yaml[] {
  return text.split(/^---$/m).map((document) => {
    const lines = linesOf(document);
    const reader = new Reader(lines);
    const value = reader.block(0);
    reader.end();
    return value;
  });
}

/** The value at a path of keys and positions. */
export function at(value: Yaml | undefined, path: string): Yaml | undefined {
  return path
    .split('.')
    .reduce<Yaml | undefined>(
      (found, key) =>
        typeof found === 'object' ? (Reflect.get(found, key) as Yaml | undefined) : undefined,
      value,
    );
}
