import type { Imports } from "./import_graph.ts";

/** Source texts by their path from the root of the checkout, such as `lib/mod.ts`. */
export type Sources = ReadonlyMap<string, string>;

/** Which declarations use which, and which files import which. */
export interface ReferenceGraph {
  /**
   * By `file#name` what a declaration refers to. A class or a type has a node of its own for each method,
   * `file#Class.method`; code that stands in no declaration is `file#`.
   */
  readonly references: ReadonlyMap<string, ReadonlySet<string>>;
  /** The imports of each file, types and dynamic imports among them; packages are left out. */
  readonly imports: readonly Imports[];
}

/** A word, string or sign of a source text, comments and the text of templates left out. */
interface Token {
  readonly kind: "word" | "text" | "sign";
  readonly text: string;
  readonly column: number;
  /** Brackets that are open where it stands. */
  readonly depth: number;
}

/** A name in a file. */
interface Binding {
  readonly file: string;
  readonly name: string;
}

/** What a file declares, takes and passes on. */
interface Module {
  readonly file: string;
  /** Code by declaration. */
  readonly code: Map<string, readonly Token[]>;
  readonly imports: Map<string, Binding>;
  readonly exports: Map<string, Binding>;
  readonly starExports: string[];
  /** Every file that it imports. */
  readonly targets: Set<string>;
  /** Where the calls of `import` lead. */
  readonly dynamic: Map<Token, string>;
}

/** Methods of the language's own objects: a call of one of them says nothing of who is called. */
const BUILT_IN = new Set(
  [Array, Map, Set, Promise, String, RegExp, Date, Uint8Array, Object.getPrototypeOf(Uint8Array)]
    .flatMap((type) => [...Object.getOwnPropertyNames(type), ...Object.getOwnPropertyNames(type.prototype)]),
);

/**
 * Reads the references between declarations out of sources that `deno fmt` has formatted, so that declarations begin in
 * the first column and members in the third. A name refers to the file's own declaration or to what it imports as a value,
 * through `mod.ts` and other files that pass it on. A method that is called refers to the class or the type that has one of
 * this name and is nearest by imports; of a type's, which has no code, nothing follows.
 * Local names are not told apart: one that hides a declaration of its file counts as a reference to it.
 *
 * @param importMap names of entry points by what `import` calls them
 */
export function referenceGraph(sources: Sources, importMap: Readonly<Record<string, string>> = {}): ReferenceGraph {
  const modules = new Map<string, Module>();
  for (const [file, source] of sources) modules.set(file, readModule(file, source, resolver(file, sources, importMap)));
  const nearest = methodFinder(modules);
  const references = new Map<string, Set<string>>();
  for (const module of modules.values()) {
    for (const [name, code] of module.code) {
      const found = new Set(code.flatMap((_, index) => referencesAt(modules, module, name, code, index, nearest)));
      found.delete(`${module.file}#${name}`);
      references.set(`${module.file}#${name}`, found);
    }
  }
  const imports = [...modules.values()].map(({ file, targets }) => ({ file, files: [...targets], packages: [] }));
  return { references, imports };
}

/** The file of a declaration. */
export function fileOf(id: string): string {
  return id.slice(0, id.indexOf("#"));
}

function resolver(
  file: string,
  sources: Sources,
  importMap: Readonly<Record<string, string>>,
): (specifier: string) => string | undefined {
  return (specifier) => {
    const mapped = importMap[specifier];
    if (mapped === undefined && !specifier.startsWith(".")) return undefined;
    const base = mapped === undefined ? `file:///${file}` : "file:///";
    const path = new URL(mapped ?? specifier, base).pathname.slice(1);
    return sources.has(path) ? path : undefined;
  };
}

/** What the token at an index refers to. */
function referencesAt(
  modules: ReadonlyMap<string, Module>,
  module: Module,
  name: string,
  code: readonly Token[],
  index: number,
  nearest: (from: string, method: string) => readonly string[],
): readonly string[] {
  const { kind, text } = code[index];
  const before = code[index - 1]?.text;
  const after = code[index + 1]?.text;
  if (kind !== "word") return [];
  const target = module.dynamic.get(code[index]);
  if (target !== undefined) return takenNames(code, index).flatMap((taken) => resolved(modules, target, taken));
  if (before !== "." && before !== "?.") {
    const isKey = after === ":" && (before === "{" || before === ",");
    return isKey ? [] : namedBy(modules, module, text);
  }
  const owner = code[index - 2];
  if (owner?.text === "this") {
    const own = `${name.split(".")[0]}.${text}`;
    if (module.code.has(own)) return [`${module.file}#${own}`];
  } else if (owner?.kind === "word") {
    const of = namedBy(modules, module, owner.text).map((id) => `${id}.${text}`).filter((id) =>
      isDeclared(modules, id)
    );
    if (of.length > 0) return of;
  }
  const called = after === "(" || after === "<";
  return called && !BUILT_IN.has(text) ? nearest(`${module.file}#${name}`, text) : [];
}

/** The names that `const { a, b } = await import(…)` takes. */
function takenNames(code: readonly Token[], index: number): string[] {
  const close = code.slice(0, index).findLastIndex(({ text }) => text !== "await" && text !== "=");
  if (code[close]?.text !== "}") return [];
  const open = code.slice(0, close).findLastIndex(({ text }) => text === "{");
  return code.slice(open + 1, close).filter(({ kind }) => kind === "word").map(({ text }) => text);
}

function isDeclared(modules: ReadonlyMap<string, Module>, id: string): boolean {
  return modules.get(fileOf(id))?.code.has(id.slice(id.indexOf("#") + 1)) ?? false;
}

/** The declaration that a word in a file names, if it names one. */
function namedBy(modules: ReadonlyMap<string, Module>, module: Module, word: string): string[] {
  if (module.code.has(word)) return [`${module.file}#${word}`];
  const binding = module.imports.get(word);
  return binding === undefined ? [] : resolved(modules, binding.file, binding.name);
}

/** Where a name that a file gives is declared: there, or in a file that it passes on. */
function resolved(
  modules: ReadonlyMap<string, Module>,
  file: string,
  name: string,
  seen: ReadonlySet<string> = new Set(),
): string[] {
  const module = modules.get(file);
  if (module === undefined || seen.has(file)) return [];
  if (module.code.has(name)) return [`${file}#${name}`];
  const open = new Set([...seen, file]);
  const binding = module.exports.get(name);
  if (binding !== undefined) return resolved(modules, binding.file, binding.name, open);
  return module.starExports.flatMap((target) => resolved(modules, target, name, open)).slice(0, 1);
}

/** Finds the methods of a name that are nearest to a declaration by imports of files, types counted. */
function methodFinder(modules: ReadonlyMap<string, Module>): (from: string, method: string) => readonly string[] {
  const methods = new Map<string, string[]>();
  for (const { file, code } of modules.values()) {
    for (const name of code.keys()) {
      const [, method] = name.split(".");
      if (method !== undefined) methods.set(method, [...methods.get(method) ?? [], `${file}#${name}`]);
    }
  }
  const known = new Map<string, ReadonlyMap<string, number>>();
  const distancesFrom = (from: string): ReadonlyMap<string, number> => {
    const found = known.get(from) ?? distances(from, (file) => modules.get(file)?.targets ?? []);
    known.set(from, found);
    return found;
  };
  return (from, method) => {
    // A method that calls another of its name on something else, as a wrapper does, does not mean itself.
    const candidates = (methods.get(method) ?? []).filter((id) => id !== from);
    if (candidates.length === 0) return [];
    const hops = distancesFrom(fileOf(from));
    const least = Math.min(...candidates.map((id) => hops.get(fileOf(id)) ?? Infinity));
    return candidates.filter((id) => hops.get(fileOf(id)) === least);
  };
}

/** Hops from a node to each that it leads to. */
export function distances(from: string, next: (node: string) => Iterable<string>): Map<string, number> {
  const found = new Map([[from, 0]]);
  for (const [node, hops] of found) for (const to of next(node)) if (!found.has(to)) found.set(to, hops + 1);
  return found;
}

function readModule(file: string, source: string, resolve: (specifier: string) => string | undefined): Module {
  const module: Module = {
    file,
    code: new Map(),
    imports: new Map(),
    exports: new Map(),
    starExports: [],
    targets: new Set(),
    dynamic: new Map(),
  };
  const all = tokensOf(source);
  all.forEach((token, index) => {
    if (token.text !== "import" || all[index + 1]?.text !== "(") return;
    const target = resolve(all[index + 2]?.text ?? "");
    if (target === undefined) return;
    module.targets.add(target);
    module.dynamic.set(token, target);
  });
  for (const statement of split(all, ({ depth, column, kind }) => depth === 0 && column === 0 && kind === "word")) {
    if (!readImports(module, statement, resolve)) readDeclaration(module, statement);
  }
  return module;
}

/** Whether a statement imports or passes on; its names are taken down then. */
function readImports(
  module: Module,
  statement: readonly Token[],
  resolve: (specifier: string) => string | undefined,
): boolean {
  const words = statement.map(({ text }) => text);
  const [first, second] = words;
  const exported = first === "export" &&
    (second === "{" || second === "*" || (second === "type" && /^[{*]$/.test(words[2])));
  if (!exported && (first !== "import" || second === "(")) return false;
  const specifier = statement.findLast(({ kind }) => kind === "text")?.text;
  const target = specifier === undefined ? undefined : resolve(specifier);
  if (target !== undefined) module.targets.add(target);
  if (second === "type") return true;
  if (second === "*" && exported && target !== undefined) module.starExports.push(target);
  const names = words.slice(words.indexOf("{") + 1, words.indexOf("}")).join(" ").split(",");
  for (const entry of words.includes("{") ? names.map((name) => name.trim()) : []) {
    const [name, as = name] = entry.split(" as ");
    if (name === "" || name.startsWith("type ")) continue;
    if (exported) module.exports.set(as, { file: target ?? module.file, name });
    else if (target !== undefined) module.imports.set(as, { file: target, name });
  }
  return true;
}

function readDeclaration(module: Module, statement: readonly Token[]): void {
  const start = statement.findIndex(({ text }) => !/^(export|default|async|abstract|declare)$/.test(text));
  const keyword = statement[start].text;
  const at = statement[start + 1]?.text === "*" ? start + 2 : start + 1;
  const name = statement[at]?.text;
  const code = statement.slice(at + 1);
  if (keyword === "function" || keyword === "enum") addCode(module, name, code);
  else if (keyword === "class") readClass(module, name, code);
  else if (keyword === "interface" || keyword === "type") {
    for (const member of membersOf(code).slice(1)) addCode(module, `${name}.${memberName(member)}`, []);
  } else if (keyword === "const" || keyword === "let") {
    const names = name === "{" || name === "["
      ? code.slice(0, code.findIndex(({ depth }) => depth === 0)).filter(({ kind }) => kind === "word")
      : [statement[at]];
    for (const { text } of names) addCode(module, text, code);
  } else addCode(module, "", statement);
}

function readClass(module: Module, name: string, code: readonly Token[]): void {
  const [head, ...members] = membersOf(code);
  addCode(module, name, head);
  for (const member of members) {
    const own = memberName(member);
    const at = member.findIndex(({ text }) => text === own);
    const isMethod = own !== "constructor" && /^[(<]$/.test(member[at + 1]?.text ?? "");
    addCode(module, isMethod ? `${name}.${own}` : name, member.slice(at + 1));
  }
}

/** What comes before the first member, then the members. */
function membersOf(code: readonly Token[]): Token[][] {
  const parts = split(
    code,
    ({ depth, column, text }) => depth === 1 && column === 2 && !/^[|&)\]}]$/.test(text),
  );
  return code[0]?.depth === 1 ? [[], ...parts] : parts;
}

/** `run` of `static async *run(…) {…}`. */
function memberName(member: readonly Token[]): string {
  const at = member.findIndex(({ text }, index) =>
    text !== "*" && !(/^(static|readonly|override|async|get|set|private|protected)$/.test(text) &&
      (member[index + 1]?.kind === "word" || member[index + 1]?.text === "*" || member[index + 1]?.text === "["))
  );
  return member[at]?.text ?? "";
}

function addCode(module: Module, name: string, code: readonly Token[]): void {
  module.code.set(name, [...module.code.get(name) ?? [], ...code]);
}

function split(tokens: readonly Token[], begins: (token: Token) => boolean): Token[][] {
  const parts: Token[][] = [];
  for (const token of tokens) {
    if (parts.length === 0 || begins(token)) parts.push([]);
    parts.at(-1)!.push(token);
  }
  return parts;
}

const SKIPPED = /(?:\s|\/\/.*|\/\*[^]*?\*\/)+/y;
const WORD = /#?[\p{L}_$][\p{L}\p{N}_$]*/uy;
const TEXT = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/y;
const NUMBER = /\d[\w.]*/y;
const PATTERN = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
const SIGN = /\?\.|\.\.\.|=>|[^]/y;
/** A template's text, up to its end or to an expression in it. */
const TEMPLATE = /(?:[^`\\$]|\\[^]|\$(?!\{))*(?:`|\$\{)/y;

function tokensOf(source: string): Token[] {
  const found: Token[] = [];
  const open: string[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const [text] = pattern.exec(source) ?? [];
    at += text?.length ?? 0;
    return text;
  };
  const takeTemplate = () => {
    if (take(TEMPLATE)?.endsWith("${")) open.push("${");
  };
  while (at < source.length) {
    if (take(SKIPPED) !== undefined) continue;
    const column = at - source.lastIndexOf("\n", at - 1) - 1;
    const add = (kind: Token["kind"], text: string) => found.push({ kind, text, column, depth: open.length });
    const word = take(WORD);
    if (word !== undefined) {
      add("word", word);
      continue;
    }
    const text = take(TEXT) ?? (endsValue(found.at(-1)) ? undefined : take(PATTERN));
    if (text !== undefined) {
      add("text", text.slice(1, -1));
      continue;
    }
    if (take(NUMBER) !== undefined) {
      add("text", "0");
      continue;
    }
    const sign = take(SIGN)!;
    if (sign === "`") {
      // Stands for the template, after which a slash divides.
      add("text", "");
      takeTemplate();
    } else if (/[)\]}]/.test(sign)) {
      if (open.pop() === "${") takeTemplate();
      else found.push({ kind: "sign", text: sign, column, depth: open.length });
    } else {
      add("sign", sign);
      if (/[(\[{]/.test(sign)) open.push(sign);
    }
  }
  return found;
}

/** Whether a slash after a token divides; it begins a pattern otherwise. */
function endsValue(token: Token | undefined): boolean {
  if (token === undefined) return false;
  if (token.kind === "word") return !/^(return|typeof|case|in|of|yield|await)$/.test(token.text);
  return token.kind === "text" || /^[)\]}]$/.test(token.text);
}
