import { assert, assertEquals, assertMatch } from "@std/assert";
import { FITTED_POLICIES, loadModel } from "kvmirror/engine";
import { policy } from "kvmirror/policies";
import settings from "../../deno.json" with { type: "json" };

const ROOT = new URL("../../", import.meta.url);

/** Serves the checkout as a registry serves a package: `lib/`, `data/` and nothing else. */
function servePackage(): { origin: string; asked: string[]; close(): Promise<void> } {
  const asked: string[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    const path = new URL(request.url).pathname.slice(1);
    asked.push(path);
    if (!/^(lib|data)\//.test(path)) return new Response(null, { status: 404 });
    try {
      const type = path.endsWith(".ts") ? "text/typescript" : path.endsWith(".json") ? "application/json" : "";
      return new Response(await Deno.readFile(new URL(path, ROOT)), { headers: type ? { "content-type": type } : {} });
    } catch {
      return new Response(null, { status: 404 });
    }
  });
  return { origin: `http://127.0.0.1:${server.addr.port}`, asked, close: () => server.shutdown() };
}

const SCRIPT = `
import { FITTED_POLICIES, loadModel } from "kvmirror/engine";
import { policy } from "kvmirror/policies";

await using model = await loadModel("tiny");
const context = await model.prefill("The rain fell in torrents on the harbour. ".repeat(8));
const cache = context.fork();
cache.compress(policy("globalkv(keydiff)"), { compressionRatio: 0.5 });
console.log(JSON.stringify((await model.generate("What fell?", { cache, maxNewTokens: 4 })).ids));
`;

/** What the same calls give from the checkout. */
async function here(): Promise<readonly number[]> {
  await using model = await loadModel("tiny");
  const context = await model.prefill("The rain fell in torrents on the harbour. ".repeat(8));
  const cache = context.fork();
  cache.compress(policy("globalkv(keydiff)"), { compressionRatio: 0.5 });
  return (await model.generate("What fell?", { cache, maxNewTokens: 4 })).ids;
}

Deno.test("code that came from a URL fetches the data of its package, once", async () => {
  const folder = await Deno.makeTempDir({ prefix: "kvmirror-package-" });
  const { origin, asked, close } = servePackage();
  try {
    const packages = Object.entries(settings.imports).filter(([, target]) => target.startsWith("npm:"));
    const doors = Object.entries(settings.exports).map((
      [name, path],
    ) => [`kvmirror${name.slice(1)}`, `${origin}${path.slice(1)}`]);
    await Deno.writeTextFile(
      `${folder}/imports.json`,
      JSON.stringify({ imports: Object.fromEntries([...packages, ...doors]) }),
    );
    await Deno.writeTextFile(`${folder}/script.ts`, SCRIPT);
    const run = async (network: string) => {
      const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [
          ...["run", "--quiet", "--no-prompt", "--no-check", "--no-lock", "--no-config"],
          ...["--import-map", `${folder}/imports.json`, `--allow-import=${new URL(origin).host}`],
          ...[
            "--allow-read",
            "--allow-write",
            "--allow-env",
            "--allow-ffi",
            "--allow-sys",
            network,
            `${folder}/script.ts`,
          ],
        ],
        env: { KVMIRROR_CACHE: `${folder}/cache`, NO_COLOR: "1" },
      }).output();
      return { success, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
    };
    const refused = await run("--deny-net");
    assert(!refused.success);
    assertMatch(
      refused.stderr,
      /Cannot fetch \S+data\/models\/tiny\/config\.json of this package as .*: check the network/,
    );
    const first = await run(`--allow-net=${new URL(origin).host}`);
    assert(first.success, first.stderr);
    assertEquals(asked.filter((path) => path.endsWith("model.safetensors")).length, 1);
    assertEquals(asked.filter((path) => path.startsWith("data/fitted/")).length, FITTED_POLICIES.length);
    const second = await run("--deny-net");
    assertEquals(second, first);
    assertEquals(JSON.parse(second.stdout), await here());
  } finally {
    await close();
    await Deno.remove(folder, { recursive: true });
  }
});
