import { builtFolder } from "../../../../lib/files/built_folder.ts";
import { PeerUnavailable } from "../output_of.ts";

/** The release that is measured. */
export const NODE_LLAMA_CPP_VERSION = "3.22.1";

/** The npm that installs it: Deno's own installer refuses a package of which a build for another platform is missing. */
const NPM = "npm:npm@11.6.2";

/** Builds that run on the processor, by the names that Deno and npm give a machine. */
const BUILDS: Readonly<Record<string, string>> = {
  "linux x86_64": "linux-x64",
  "linux aarch64": "linux-arm64",
  "darwin aarch64": "mac-arm64-metal",
  "darwin x86_64": "mac-x64",
  "windows x86_64": "win-x64",
  "windows aarch64": "win-arm64",
};

/**
 * node-llama-cpp in a folder of the cache, fetched from npm the first time. It stays out of deno.json: whoever runs the
 * project would fetch its builds for graphics cards too, hundreds of megabytes.
 *
 * @returns the folder's path
 * @throws {PeerUnavailable} if npm cannot fetch it
 */
export async function nodeLlamaCppFolder(): Promise<string> {
  const machine = `${Deno.build.os} ${Deno.build.arch}`;
  const build = BUILDS[machine];
  if (build === undefined) throw new PeerUnavailable(`it has no build for ${machine}`);
  const packages = ["node-llama-cpp", `@node-llama-cpp/${build}`].map((name) => `${name}@${NODE_LLAMA_CPP_VERSION}`);
  return await builtFolder(`peers/node_llama_cpp/${NODE_LLAMA_CPP_VERSION}-${build}`, async (folder) => {
    await Deno.writeTextFile(`${folder}/package.json`, `{ "private": true, "type": "module" }\n`);
    await Deno.writeTextFile(`${folder}/deno.json`, `{ "nodeModulesDir": "manual" }\n`);
    await install(folder, packages);
  });
}

/** Other builds are optional, and nothing is compiled: no script of a package runs. */
async function install(folder: string, packages: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...[
        "run",
        "-q",
        "--no-lock",
        "--no-config",
        "--allow-read",
        "--allow-write",
        "--allow-env",
        "--allow-net",
        "--allow-sys",
      ],
      ...[NPM, "install", "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund", ...packages],
    ],
    cwd: folder,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (success) return;
  const lines = new TextDecoder().decode(stderr).split("\n").map((line) => line.trim()).filter((line) => line !== "");
  throw new PeerUnavailable(
    `npm cannot install it: ${lines.find((line) => /error/i.test(line)) ?? lines.at(-1) ?? "no word why"}`,
  );
}
