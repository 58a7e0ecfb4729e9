import { fileURLToPath } from "node:url";
import { builtFolder } from "../../../../lib/files/built_folder.ts";
import { printNotice } from "../../../cli/print.ts";
import { outputOf, PeerUnavailable } from "../output_of.ts";

/** What peers need, by environment, whose names change when it does; kvpress 0.5.5 wants this transformers. */
const ENVIRONMENTS = {
  torch: {
    folder: "torch-1",
    requirements: [
      ...["torch==2.13.0", "transformers==5.2.0", "kvpress==0.5.5"],
      ...["onnxruntime-genai==0.18.0", "onnx==1.23.2", "onnx-ir==1.1.0"],
    ],
  },
  // Apart from the others: it is a hundredth of their size, and has no wheels for some machines.
  openvino: {
    folder: "openvino-1",
    requirements: ["openvino-genai==2026.4.1.0", "openvino==2026.4.1", "openvino-tokenizers==2026.4.1.0"],
  },
} as const;

/** An environment of peers in Python. */
export type EnvironmentName = keyof typeof ENVIRONMENTS;

/** Becomes the environment's own Python: a task may run `python3`, not any path. */
const LAUNCHER = fileURLToPath(new URL("become.py", import.meta.url));

/**
 * The arguments with which `python3` runs a script in an environment in KVMirror's cache folder, which the user's
 * python3 and pip make the first time.
 *
 * @throws {PeerUnavailable} if there is no python3, or pip cannot fetch the packages
 */
export async function pythonEnvironment(name: EnvironmentName): Promise<string[]> {
  const { folder: named, requirements } = ENVIRONMENTS[name];
  const folder = await builtFolder(`peers/python/${named}`, async (folder) => {
    printNotice(`making the Python environment ${named} for peers in the cache folder: some minutes, once`);
    await runPython(["-m", "venv", folder]);
    await runPython([
      LAUNCHER,
      folder,
      "-m",
      "pip",
      "install",
      "--quiet",
      "--disable-pip-version-check",
      ...requirements,
    ]);
  });
  return [LAUNCHER, folder];
}

/**
 * Runs the user's python3 to its end.
 *
 * @throws {PeerUnavailable} if there is none or it fails, with the line in which it says why
 */
export async function runPython(args: readonly string[]): Promise<void> {
  const { success, code, stderr } = await outputOf("python3", { args: [...args], stdout: "null", stderr: "piped" });
  if (success) return;
  const lines = new TextDecoder().decode(stderr).split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const reason = lines.findLast((line) => line.startsWith("ERROR")) ?? lines.at(-1) ?? `exit code ${code}`;
  throw new PeerUnavailable(`python3 says ${reason}`);
}
