/** JupyterLab, as `deno task lab` starts it. */
export interface LabServer extends AsyncDisposable {
  /** The address of a notebook, in a workspace of its own: Lab opens again what was open in the last. */
  address(path: string): string;
}

/** Settings that keep all cells in the page, and files as they are. */
const SETTINGS = {
  "@jupyterlab/notebook-extension/tracker.jupyterlab-settings": { windowingMode: "none" },
  "@jupyterlab/docmanager-extension/plugin.jupyterlab-settings": { autosave: false },
  "@jupyterlab/apputils-extension/notification.jupyterlab-settings": { fetchNews: "false", checkForUpdates: false },
};

/** Starts JupyterLab on a folder. Throws an Error with what the task said if it does not come up. */
export async function startLab(root: string): Promise<LabServer> {
  const settings = await Deno.makeTempDir({ prefix: "kvmirror-lab-settings-" });
  for (const [path, values] of Object.entries(SETTINGS)) {
    await Deno.mkdir(`${settings}/${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true });
    await Deno.writeTextFile(`${settings}/${path}`, JSON.stringify(values));
  }
  const flags = [
    "--no-browser",
    "--expose-app-in-browser",
    `--ServerApp.root_dir=${root}`,
    "--IdentityProvider.token=",
  ];
  flags.push("--ServerApp.disable_check_xsrf=True", `--port=${freePort()}`);
  if (Deno.uid() === 0) flags.push("--allow-root");
  const task = new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "lab", "--", ...flags],
    cwd: new URL("../../", import.meta.url),
    env: { JUPYTERLAB_SETTINGS_DIR: settings },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const origin = await readOrigin(task.stderr);
  return {
    address: (path) => `${origin}/lab/workspaces/${path.replaceAll(/\W/g, "-")}/tree/${path}`,
    [Symbol.asyncDispose]: async () => {
      await fetch(`${origin}/api/shutdown`, { method: "POST" }).then((answer) => answer.body?.cancel());
      await task.status;
      await Deno.remove(settings, { recursive: true });
    },
  };
}

async function readOrigin(stderr: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  const reader = stderr.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (true) {
    const { value, done } = await reader.read();
    if (done) throw new Error(text.trim().split("\n").at(-1)?.replace(/^error: /, ""));
    text += value;
    const port = text.match(/http:\/\/127\.0\.0\.1:(\d+)\/lab/)?.[1];
    if (port === undefined) continue;
    (async () => {
      while (!(await reader.read()).done); // a full pipe would stop the server
    })();
    return `http://127.0.0.1:${port}`;
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}
