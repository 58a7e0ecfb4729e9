import { fileURLToPath } from "node:url";

const ROOT = new URL("../", import.meta.url);
const LIB = new URL("lib/", ROOT);

/** A file of lib/ and what it imports: files of the checkout by their path from lib/, packages by name. */
export interface Imports {
  readonly file: string;
  readonly files: readonly string[];
  readonly packages: readonly string[];
}

/** What `deno info --json` says of a module, as far as it matters here. */
interface ModuleInfo {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly specifier: string;
    readonly code?: { readonly specifier?: string };
    readonly type?: { readonly specifier?: string };
  }[];
}

/** The import graph of lib/, types and dynamic imports among it, as Deno resolves it. */
export async function importGraph(): Promise<Imports[]> {
  const graph = new Map<string, Imports>();
  for (const file of libFiles()) {
    if (graph.has(file)) continue;
    for (const module of await modulesFrom(file)) {
      if (!module.specifier.startsWith(LIB.href)) continue;
      const found = importsOf(module);
      graph.set(found.file, found);
    }
  }
  return [...graph.values()];
}

/** Every TypeScript file of lib/, by its path in it. */
export function libFiles(folder = LIB, prefix = ""): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    if (isDirectory) return libFiles(new URL(`${name}/`, folder), `${prefix}${name}/`);
    return name.endsWith(".ts") ? [prefix + name] : [];
  });
}

/** `onnxruntime-node` of `npm:onnxruntime-node@1.30.0/dist/x.js`, however it is written. */
export function packageName(specifier: string): string {
  return specifier.replace(/^(npm|jsr):\/?/, "").match(/^(@[^/]+\/)?[^/@]+/)?.[0] ?? specifier;
}

async function modulesFrom(file: string): Promise<readonly ModuleInfo[]> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", fileURLToPath(new URL(file, LIB))],
    cwd: fileURLToPath(ROOT),
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout)).modules;
}

/** A package is told by how it is written: `links` resolve some of them to files of the checkout. */
function importsOf({ specifier, dependencies = [] }: ModuleInfo): Imports {
  const written = (dependency: { specifier: string }) => /^(\.|\/|file:)/.test(dependency.specifier);
  return {
    file: specifier.slice(LIB.href.length),
    files: dependencies.filter(written).map(({ code, type }) => fromLib(code?.specifier ?? type?.specifier ?? "")),
    packages: dependencies.filter((dependency) => !written(dependency)).map((to) => packageName(to.specifier)),
  };
}

/** `numeric/top_k.ts`; of what is not in lib/, `../tasks/cli.ts`. */
function fromLib(url: string): string {
  if (url.startsWith(LIB.href)) return url.slice(LIB.href.length);
  return url.startsWith(ROOT.href) ? `../${url.slice(ROOT.href.length)}` : url;
}
