import { fileURLToPath } from "node:url";

/** A stand-in for the checkout in which Lab may write as it likes. */
export interface LabRoot extends AsyncDisposable {
  readonly path: string;
}

const CHECKOUT = fileURLToPath(new URL("../../", import.meta.url));

/** What notebooks read of the checkout; `reports` is copied, so that what they write there stays away from it. */
const LINKED = ["deno.json", "deno.lock", "node_modules", "lib", "tasks", "tests", "data"];

/** Makes a folder that looks like the checkout to a notebook: its own `notebooks` and `reports`, the rest by links. */
export async function makeLabRoot(): Promise<LabRoot> {
  const path = await Deno.makeTempDir({ prefix: "kvmirror-lab-" });
  for (const name of LINKED) await Deno.symlink(`${CHECKOUT}${name}`, `${path}/${name}`);
  await Deno.mkdir(`${path}/notebooks`);
  await copyFolder(`${CHECKOUT}reports`, `${path}/reports`);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyFolder(`${from}/${name}`, `${to}/${name}`);
    else await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}
