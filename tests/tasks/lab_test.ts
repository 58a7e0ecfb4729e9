import { fileURLToPath } from "node:url";
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { readNotebooks } from "../../lib/notebook/read_notebooks.ts";
import { runNotebook } from "../../lib/notebook/run_notebook.ts";
import { isRunning } from "../fixtures/is_running.ts";
import { runTask } from "../fixtures/run_task.ts";
import { withFolder } from "../fixtures/with_folder.ts";

const RESIDENT_BYTES = import.meta.resolve("../../lib/eval/experiments/resident_bytes.ts");
const FIXTURES = fileURLToPath(new URL("../notebook/fixtures/", import.meta.url));

Deno.test("the kernel that lab installs runs what the notebooks use: native packages, links, names of deno.json", async () => {
  const cache = await Deno.makeTempDir({ prefix: "kvmirror-test-" });
  try {
    const { code, stdout, stderr } = await runTask(["lab", "--install-only"], { KVMIRROR_CACHE: cache });
    assertEquals(code, 0, stderr);
    assertEquals(stdout, `${cache}/jupyter/kernels/deno starts Deno 2.8.1\n`);
    assertStringIncludes(stderr, `JUPYTER_PATH=${cache}/jupyter`);
    const kernelspec = JSON.parse(await Deno.readTextFile(`${cache}/jupyter/kernels/deno/kernel.json`));
    const [executable, ...args] = kernelspec.argv;
    assertEquals(args, ["jupyter", "--kernel", "--conn", "{connection_file}"]);
    const version = await new Deno.Command(executable, { args: ["--version"] }).output();
    assertMatch(new TextDecoder().decode(version.stdout), /^deno 2\.8\.1 /);
    const measure = `import { residentBytes } from ${JSON.stringify(RESIDENT_BYTES)}; console.log(residentBytes() > 0)`;
    const measured = await new Deno.Command(executable, { args: ["eval", measure], env: kernelspec.env }).output();
    assertEquals(new TextDecoder().decode(measured.stdout), "true\n", "what notebooks measure memory with");
    const [{ notebook }] = await readNotebooks(FIXTURES);
    const { failed } = await runNotebook(notebook, { folder: FIXTURES, executable });
    assertEquals(failed, undefined);
  } finally {
    await Deno.remove(cache, { recursive: true });
  }
});

Deno.test("what is meant for Jupyter must stand after --", async () => {
  const { code, stderr } = await runTask(["lab", "--no-browser"]);
  assertEquals(code, 2);
  assertMatch(
    stderr,
    /^error: Cannot use --no-browser as it is not a flag of this task: the flags are --install-only\n$/,
  );
  const { code: other, stderr: said } = await runTask(["lab", "notebooks"]);
  assertEquals([other, said], [2, "error: Cannot use notebooks: put what is meant for Jupyter after --\n"]);
});

Deno.test({
  name: "kill ends JupyterLab with lab",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withFolder(async (path) => {
      // A kernel that is there already, and a jupyter that says its id and then serves for ever.
      const deno = path("cache/deno-2.8.1/node_modules/@deno");
      for (const platform of ["linux-x64-glibc", "linux-arm64-glibc"]) {
        await Deno.mkdir(`${deno}/${platform}`, { recursive: true });
        await Deno.writeTextFile(`${deno}/${platform}/deno`, "");
      }
      const jupyter = `#!/bin/sh\n[ "$2" = --version ] && exit 0\necho $$\nexec sleep 600\n`;
      await Deno.mkdir(path("bin"));
      await Deno.writeTextFile(path("bin/jupyter"), jupyter, { mode: 0o755 });
      const environment = { PATH: `${path("bin")}:${Deno.env.get("PATH")}`, KVMIRROR_CACHE: path("cache") };
      const lab = new Deno.Command(Deno.execPath(), {
        args: ["run", "-q", "--no-prompt", "-P=lab", "--allow-write", "--allow-run=jupyter", "tasks/lab.ts"],
        cwd: fileURLToPath(new URL("../../", import.meta.url)),
        env: environment,
        stdin: "null",
        stdout: "piped",
        stderr: "null",
      }).spawn();
      const reader = lab.stdout.getReader();
      const id = Number(new TextDecoder().decode((await reader.read()).value));
      assertEquals(isRunning(id), true);
      lab.kill("SIGTERM");
      assertEquals((await lab.status).code, 143);
      for (let wait = 0; wait < 50 && isRunning(id); wait++) await new Promise((done) => setTimeout(done, 100));
      assertEquals(isRunning(id), false);
      await reader.cancel();
    }),
});
