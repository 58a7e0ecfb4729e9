import { fileSize } from "../../lib/files/exists.ts";
import { writeAtomic } from "../../lib/files/write_atomic.ts";
import { writeText } from "../cli/print.ts";

/**
 * The last Deno whose kernel sends a cell's outputs before it says that the cell is done; with later ones, outputs are
 * lost or land under the next cell. tests/notebook/kernel_order_test.ts says when a later one is right again.
 */
export const KERNEL_VERSION = "2.8.1";

/** The npm packages that carry Deno's executable. */
const PLATFORMS: Readonly<Record<string, string>> = {
  "x86_64 linux": "linux-x64-glibc",
  "aarch64 linux": "linux-arm64-glibc",
  "x86_64 darwin": "darwin-x64",
  "aarch64 darwin": "darwin-arm64",
  "x86_64 windows": "win32-x64",
  "aarch64 windows": "win32-arm64",
};

/** A kernel as Jupyter finds it. */
export interface InstalledKernel {
  /** What `JUPYTER_PATH` must hold. */
  readonly jupyterPath: string;
  /** The folder of its kernel.json. */
  readonly folder: string;
  readonly executable: string;
}

/**
 * Installs the kernel `deno` under `cache`: Deno {@linkcode KERNEL_VERSION} from npm, if it is not there yet, and a
 * kernelspec that starts it. Nothing outside of `cache` changes: Jupyter finds it through `JUPYTER_PATH`, before a kernel
 * of the same name elsewhere.
 */
export async function installKernel(cache: string): Promise<InstalledKernel> {
  const executable = await installDeno(`${cache}/deno-${KERNEL_VERSION}`);
  const jupyterPath = `${cache}/jupyter`;
  const folder = `${jupyterPath}/kernels/deno`;
  const kernelspec = {
    argv: [executable, "jupyter", "--kernel", "--conn", "{connection_file}"],
    display_name: `Deno ${KERNEL_VERSION} (KVMirror)`,
    env: { DENO_NO_UPDATE_CHECK: "1", DENO_V8_FLAGS: "--expose-gc" }, // this Deno cannot turn it on later
    interrupt_mode: "message",
    language: "typescript",
  };
  await Deno.mkdir(folder, { recursive: true });
  await writeAtomic(`${folder}/kernel.json`, (file) => writeText(file, `${JSON.stringify(kernelspec, null, 2)}\n`));
  return { jupyterPath, folder, executable };
}

async function installDeno(folder: string): Promise<string> {
  const { arch, os } = Deno.build;
  const platform = PLATFORMS[`${arch} ${os}`];
  if (platform === undefined) {
    throw new Error(`Cannot install Deno ${KERNEL_VERSION} as npm has none for ${os} on ${arch}`);
  }
  const name = `@deno/${platform}`;
  const executable = `${folder}/node_modules/${name}/${os === "windows" ? "deno.exe" : "deno"}`;
  if (fileSize(executable) !== undefined) return executable;
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/package.json`, JSON.stringify({ dependencies: { [name]: KERNEL_VERSION } }));
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["install", "--quiet", "--no-lock"],
    cwd: folder,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  if (success && fileSize(executable) !== undefined) return executable;
  const reason = new TextDecoder().decode(stderr).split("\n").find((line) => line.startsWith("error: "));
  throw new Error(`Cannot install ${name} ${KERNEL_VERSION} from npm: ${reason?.slice(7) ?? "it carries no Deno"}`);
}
