import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { fetchModel, findModel, type KnownModel } from "kvmirror/engine";
import { type Fault, type HubServer, serveHub } from "../../hub_server.ts";

const REPOSITORY = "someone/a-model";
const MODEL: KnownModel = { name: "a-model", repository: REPOSITORY, hubBytes: 0 };
const FILES: Record<string, Uint8Array> = {
  "config.json": new TextEncoder().encode("{}"),
  "tokenizer.json": new TextEncoder().encode('{"a":1}'),
  "model.safetensors": Uint8Array.from({ length: 300_000 }, (_, index) => index * 7 % 251),
};

/** Runs with a cache folder and variables of its own, and puts everything back. */
async function withHub(
  body: (hub: HubServer, folder: string) => Promise<void>,
  variables: Record<string, string> = {},
  files = FILES,
): Promise<void> {
  await using hub = serveHub(REPOSITORY, files);
  const folder = await Deno.makeTempDir();
  const set: Record<string, string> = {
    KVMIRROR_CACHE: folder,
    HF_HOME: `${folder}/none`,
    HF_ENDPOINT: hub.endpoint,
    HF_HUB_OFFLINE: "0",
    HF_TOKEN: "",
    ...variables,
  };
  const before = Object.keys(set).map((name) => [name, Deno.env.get(name)] as const);
  try {
    for (const [name, value] of Object.entries(set)) Deno.env.set(name, value);
    await body(hub, folder);
  } finally {
    for (const [name, value] of before) value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a model is fetched whole, found the next time, and not fetched again", async () => {
  await withHub(async (hub) => {
    assertEquals(findModel(MODEL), undefined);
    const progress: number[] = [];
    const { path, source } = await fetchModel(MODEL, { onProgress: ({ received }) => progress.push(received) });
    for (const [name, bytes] of Object.entries(FILES)) assertEquals(await Deno.readFile(`${path}/${name}`), bytes);
    assertEquals(progress.at(-1), 300_000);
    assertMatch(source, /someone\/a-model/);
    const count = hub.requests.length;
    assertEquals(findModel(MODEL)?.path, path);
    await fetchModel(MODEL);
    assertEquals(hub.requests.length, count);
  });
});

Deno.test("a download that is cut goes on where it stopped", async () => {
  await withHub(async (hub) => {
    hub.fault = "cut";
    const { path } = await fetchModel(MODEL);
    assertEquals(await Deno.readFile(`${path}/model.safetensors`), FILES["model.safetensors"]);
    assert(hub.requests.some(({ range }) => range === "bytes=150000-"), "no range was asked for");
  });
});

Deno.test("what an interrupted run got is taken up by the next", async () => {
  await withHub(async (hub) => {
    hub.fault = "cut";
    const controller = new AbortController();
    await assertRejects(() =>
      fetchModel(MODEL, {
        signal: controller.signal,
        onProgress: ({ file }) => file === "model.safetensors" && controller.abort(new Error("stop")),
      })
    );
    hub.fault = "none";
    assertEquals(findModel(MODEL), undefined);
    const before = hub.requests.length;
    await fetchModel(MODEL);
    assert(hub.requests.slice(before).some(({ range }) => range !== null), "it began anew");
  });
});

const FAULTS: [Fault, RegExp][] = [
  ["cut-always", /breaks off at 0 of 300000 bytes: try again later/],
  ["wrong-hash", /its hash is [0-9a-f]+ where [0-9a-f]+ was announced: fetch it again/],
  ["401", /answers 401: accept its terms there and set HF_TOKEN/],
  ["404", /the hub has no such file: check the name, or set HF_TOKEN/],
  ["html", /answers 200 text\/html; charset=utf-8 in place of the file/],
  ["too-long", /sends more than the 299990 bytes announced/],
];

for (const [fault, message] of FAULTS) {
  Deno.test(`${fault}: one line with the fix, and no half model`, async () => {
    await withHub(async (hub, folder) => {
      hub.fault = fault;
      const error = await assertRejects(() => fetchModel(MODEL), Error);
      assertMatch(error.message, message);
      assert(!error.message.includes("\n"));
      assertEquals(findModel(MODEL), undefined);
      const left = [...Deno.readDirSync(`${folder}/hub/someone--a-model`)].map(({ name }) => name);
      assert(!left.includes("model.safetensors"), left.join(", "));
    });
  });
}

Deno.test("offline, unreachable and with a token", async () => {
  await withHub(async (hub) => {
    await assertRejects(() => fetchModel(MODEL), Error, "HF_HUB_OFFLINE is set");
    assertEquals(hub.requests, []);
  }, { HF_HUB_OFFLINE: "1" });
  await withHub(async () => {
    await assertRejects(() => fetchModel(MODEL), Error, "Cannot reach 127.0.0.1:9: check the network");
  }, { HF_ENDPOINT: "http://127.0.0.1:9" });
  await withHub(async (hub) => {
    await fetchModel(MODEL);
    assertEquals(hub.requests[0].authorization, "Bearer secret");
  }, { HF_TOKEN: "secret" });
});

Deno.test("shards are fetched by the index, and a shard that points elsewhere is refused", async () => {
  const shards = (name: string) => ({
    "config.json": FILES["config.json"],
    "tokenizer.json": FILES["tokenizer.json"],
    "model.safetensors.index.json": new TextEncoder().encode(JSON.stringify({ weight_map: { a: name, b: name } })),
    "model-00001-of-00001.safetensors": FILES["model.safetensors"],
  });
  await withHub(
    async () => {
      const { path } = await fetchModel(MODEL);
      assertEquals((await Deno.stat(`${path}/model-00001-of-00001.safetensors`)).size, 300_000);
    },
    {},
    shards("model-00001-of-00001.safetensors"),
  );
  await withHub(
    async () => {
      await assertRejects(() => fetchModel(MODEL), SyntaxError, "no plain name");
    },
    {},
    shards("../../evil.safetensors"),
  );
});

Deno.test("a model in Hugging Face's own cache is taken from there", async () => {
  await withHub(async (hub, folder) => {
    const snapshot = `${folder}/hf/hub/models--someone--a-model/snapshots/abc123`;
    await Deno.mkdir(snapshot, { recursive: true });
    await Deno.mkdir(`${folder}/hf/hub/models--someone--a-model/refs`);
    await Deno.writeTextFile(`${folder}/hf/hub/models--someone--a-model/refs/main`, "abc123\n");
    for (const [name, bytes] of Object.entries(FILES)) await Deno.writeFile(`${snapshot}/${name}`, bytes);
    Deno.env.set("HF_HOME", `${folder}/hf`);
    assertEquals(findModel(MODEL)?.path, snapshot);
    assertEquals(hub.requests, []);
  });
});
