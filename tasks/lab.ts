/** `deno task lab [--install-only] [-- JUPYTER-FLAG…]`: a kernel for these notebooks, and JupyterLab on it. */
import { cacheFolder } from "../lib/files/cache_folder.ts";
import { INTERRUPT_CODES } from "./cli/interrupt.ts";
import { printNotice, printText } from "./cli/print.ts";
import { runTask } from "./cli/run_task.ts";
import { UsageError } from "./cli/usage_error.ts";
import { installKernel, KERNEL_VERSION } from "./notebooks/lab_kernel.ts";

/** The ways to call JupyterLab, the first that is there is taken. */
const COMMANDS = [["jupyter", "lab"], ["python3", "-m", "jupyterlab"], ["python", "-m", "jupyterlab"]];

await runTask("lab", async (flags, jupyterFlags) => {
  const [stray] = flags.words;
  if (stray !== undefined) throw new UsageError(`Cannot use ${stray}: put what is meant for Jupyter after --`);
  const { folder, jupyterPath } = await installKernel(cacheFolder());
  const list = Deno.build.os === "windows" ? ";" : ":";
  const path = [jupyterPath, Deno.env.get("JUPYTER_PATH")].filter((part) => part).join(list);
  if (flags.toggle("install-only")) {
    printText(`${folder} starts Deno ${KERNEL_VERSION}`);
    printNotice(`for a Jupyter of your own: JUPYTER_PATH=${path}, or jupyter kernelspec install --user ${folder}`);
    return;
  }
  const lab = await findLab();
  if (lab === undefined) {
    throw new Error("Cannot start JupyterLab as it is not installed: pip install jupyterlab, then deno task lab");
  }
  printNotice(`JupyterLab with the kernel in ${folder}`);
  Deno.addSignalListener("SIGINT", () => {}); // Jupyter has it too, and asks before it stops
  const running: Deno.ChildProcess[] = [];
  let killed = false;
  // What kill and timeout send comes to this process alone: Jupyter ends with it, and its kernels do. It is heard before
  // Jupyter is there, as one that is there may be killed at once.
  if (Deno.build.os !== "windows") {
    Deno.addSignalListener("SIGTERM", () => {
      killed = true;
      running.forEach((process) => process.kill("SIGTERM"));
    });
  }
  const jupyter = new Deno.Command(lab[0], {
    args: [...lab.slice(1), "--LabApp.default_url=/lab/tree/notebooks", ...jupyterFlags],
    cwd: new URL("../", import.meta.url),
    env: { JUPYTER_PATH: path },
  }).spawn();
  running.push(jupyter);
  const { code } = await jupyter.status;
  if (killed) Deno.exit(INTERRUPT_CODES.SIGTERM);
  if (code !== 0) Deno.exit(1);
});

async function findLab(): Promise<string[] | undefined> {
  for (const command of COMMANDS) {
    try {
      const args = [...command.slice(1), "--version"];
      const { success } = await new Deno.Command(command[0], { args, stdin: "null" }).output();
      if (success) return command;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}
