import { builtFolder } from "../../../../lib/files/built_folder.ts";
import { printNotice } from "../../../cli/run_task.ts";
import { outputOf, PeerUnavailable } from "../output_of.ts";

/** What peers need, in one environment; kvpress 0.5.5 wants this transformers. */
const REQUIREMENTS = [
  "torch==2.13.0",
  "transformers==5.2.0",
  "kvpress==0.5.5",
  "onnxruntime-genai==0.18.0",
  "onnx==1.23.2",
  "onnx-ir==1.1.0",
];

/** Raised when the requirements change, so that a new environment is made. */
const ENVIRONMENT_VERSION = 1;

/** Becomes the environment's own Python: a task may run `python3`, not any path. */
const LAUNCHER = new URL("become.py", import.meta.url).pathname;

/**
 * The arguments with which `python3` runs a script in an environment of KVMirror's cache folder, which the user's
 * python3 and pip make the first time.
 *
 * @throws {PeerUnavailable} if there is no python3, or pip cannot fetch the packages
 */
export async function pythonEnvironment(): Promise<string[]> {
  const folder = await builtFolder(`peers/python/${ENVIRONMENT_VERSION}`, async (folder) => {
    printNotice("making a Python environment for peers in the cache folder: some minutes, once");
    await runPython(["-m", "venv", folder]);
    await runPython([
      LAUNCHER,
      folder,
      "-m",
      "pip",
      "install",
      "--quiet",
      "--disable-pip-version-check",
      ...REQUIREMENTS,
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
