/** `deno task pack [--output FOLDER]`: the library as an npm package that Node 22 runs. */
import { dirname, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import settings from "../deno.json" with { type: "json" };
import { exists } from "../lib/files/exists.ts";
import { printJson, printText } from "./cli/print.ts";
import { runTask } from "./cli/run_task.ts";
import { UsageError } from "./cli/usage_error.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
/** What Node lacks of `Deno`, and the name that it goes by in the package. */
const SHIM = { source: `${ROOT}tasks/pack/deno_on_node.ts`, name: "lib/deno_on_node.js" };
/** Node 22 lacks `using`, which TypeScript writes in older words. */
const LOWERED: ts.CompilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
/** What the shim brings beside the library's own packages. */
const SHIM_PACKAGES = ["@deno/shim-deno"];
const ENGINES = { node: ">=22" };

await runTask("pack", async (flags) => {
  const output = resolve(flags.text("output")!);
  if (exists(output) && !exists(`${output}/package.json`)) {
    throw new UsageError(`Cannot pack into ${output} as it holds something else: name a new folder with --output`);
  }
  const archive = await Deno.makeTempFile({ prefix: "kvmirror-", suffix: ".tgz" });
  try {
    await run(Deno.execPath(), ["pack", "--quiet", "--allow-dirty", "--no-source-maps", "--output", archive], ROOT);
    if (exists(output)) await Deno.remove(output, { recursive: true });
    await Deno.mkdir(output, { recursive: true });
    await run("tar", ["-xzf", archive, "--strip-components=1", "-C", output], ROOT);
  } finally {
    await Deno.remove(archive);
  }
  const modules = lowerModules(output);
  Deno.writeTextFileSync(`${output}/${SHIM.name}`, lower(Deno.readTextFileSync(SHIM.source)));
  const { name, version } = writeManifest(`${output}/package.json`);
  if (flags.toggle("json")) return printJson({ output, name, version, modules });
  printText(`wrote ${name} ${version}, ${modules} modules, to ${output}`);
  printText(`npm install --ignore-scripts ${output} installs it`);
});

async function run(program: string, args: readonly string[], cwd: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args: [...args], cwd, stdout: "null" }).output();
  if (success) return;
  throw new Error(`Cannot pack as ${program} ${args[0]} says ${new TextDecoder().decode(stderr).trim()}`);
}

/** Writes each module of a package again, for Node; returns how many. */
function lowerModules(folder: string): number {
  const modules = filesIn(`${folder}/lib`).filter((path) => path.endsWith(".js"));
  for (const path of modules) {
    const code = lower(Deno.readTextFileSync(path));
    const shim = relative(dirname(path), `${folder}/${SHIM.name}`).replaceAll("\\", "/");
    const names = ["Deno", "DisposableStack"].filter((name) => new RegExp(`\\b${name}\\b[.(]`).test(code));
    const from = shim.startsWith(".") ? shim : `./${shim}`;
    const head = names.length === 0 ? "" : `import { ${names.join(", ")} } from "${from}";\n`;
    Deno.writeTextFileSync(path, head + code);
  }
  return modules.length;
}

function lower(code: string): string {
  return ts.transpileModule(code, { compilerOptions: LOWERED }).outputText;
}

function filesIn(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder), ({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? filesIn(path) : [path];
  }).flat();
}

/** What npm wants to know beside what Deno wrote: which Node, and the versions that the library is tested with. */
function writeManifest(path: string): { name: string; version: string } {
  const manifest = JSON.parse(Deno.readTextFileSync(path));
  const imports: Readonly<Record<string, string>> = settings.imports;
  const names = [...Object.keys(manifest.dependencies), ...SHIM_PACKAGES].toSorted();
  manifest.dependencies = Object.fromEntries(names.map((name) => [name, imports[name].split("@").at(-1)]));
  manifest.engines = ENGINES;
  Deno.writeTextFileSync(path, `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}
