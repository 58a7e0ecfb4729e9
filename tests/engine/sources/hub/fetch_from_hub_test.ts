import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { createHash } from "node:crypto";
import { type KnownModel, type SourceSettings, verifyModel } from "kvmirror/engine";
import { fetchModel, findModel } from "../../../../lib/engine/sources/resolve_model.ts";
import { type Fault, type HubServer, withHub } from "../../../fixtures/hub_server.ts";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const REPOSITORY = "someone/a-model";
const MODEL: KnownModel = { name: "a-model", license: "MIT", repository: REPOSITORY, hubBytes: 0 };
const WEIGHTS = Uint8Array.from({ length: 300_000 }, (_, index) => index * 7 % 251);
const FILES: Readonly<Record<string, Uint8Array>> = {
  "config.json": new TextEncoder().encode("{}"),
  "model.safetensors": WEIGHTS,
  "tokenizer.json": new TextEncoder().encode('{"a":1}'),
};

function hubTest(
  name: string,
  body: (hub: HubServer, settings: SourceSettings) => Promise<void>,
  files = FILES,
): void {
  Deno.test(name, () => withHub(REPOSITORY, files, body));
}

/** Names in a model's folder, our notes and locks aside. */
function filesIn(settings: SourceSettings): string[] {
  const names = [...Deno.readDirSync(`${settings.cache}/hub/someone--a-model`)].map(({ name }) => name);
  return names.filter((name) => name !== ".lock" && name !== "fetched.json").sort();
}

hubTest("a model is fetched whole, found the next time, and not fetched again", async (hub, settings) => {
  assertEquals(findModel(MODEL, settings), undefined);
  const progress: [number, number | undefined][] = [];
  const { path, source } = await fetchModel(MODEL, {
    settings,
    onProgress: ({ file, received, total }) => file === "model.safetensors" && progress.push([received, total]),
  });
  for (const [name, bytes] of Object.entries(FILES)) assertEquals(await Deno.readFile(`${path}/${name}`), bytes);
  assertEquals(filesIn(settings), Object.keys(FILES));
  assertEquals(progress.at(-1), [300_000, 300_000]);
  assertMatch(source, /the model hub \(someone\/a-model\)/);
  const count = hub.requests.length;
  assertEquals(findModel(MODEL, settings)?.path, path);
  await fetchModel(MODEL, { settings });
  assertEquals(hub.requests.length, count);
});

hubTest("a download that is cut goes on where it stopped", async (hub, settings) => {
  hub.fault = "cut";
  const { path } = await fetchModel(MODEL, { settings });
  assertEquals(await Deno.readFile(`${path}/model.safetensors`), WEIGHTS);
  const ranges = hub.requests.filter(({ host, range }) => host === hub.storeHost && range !== null);
  assertEquals(ranges.map(({ range }) => range), ["bytes=150000-"]);
});

hubTest("a server that ignores the range is taken from the beginning", async (hub, settings) => {
  hub.fault = "cut-always";
  await assertRejects(() => fetchModel(MODEL, { settings }), Error, "breaks off at 0");
  const [partial] = filesIn(settings).filter((name) => name.endsWith(".partial"));
  await Deno.writeFile(`${settings.cache}/hub/someone--a-model/${partial}`, WEIGHTS.subarray(0, 1000));
  hub.fault = "ignores-range";
  const { path } = await fetchModel(MODEL, { settings });
  assertEquals(await Deno.readFile(`${path}/model.safetensors`), WEIGHTS);
  assert(hub.requests.some(({ range }) => range === "bytes=1000-"));
});

hubTest("what an interrupted run got is taken up by the next", async (hub, settings) => {
  const controller = new AbortController();
  const interrupted = fetchModel(MODEL, {
    settings,
    signal: controller.signal,
    onProgress: ({ file }) => file === "model.safetensors" && controller.abort(new Error("interrupted")),
  });
  const { message } = await assertRejects(() => interrupted, Error);
  assertEquals(findModel(MODEL, settings), undefined);
  const [partial] = filesIn(settings).filter((name) => name.endsWith(".partial"));
  assertEquals(partial, `model.safetensors.${sha256(WEIGHTS).slice(0, 16)}.partial`);
  const { size } = await Deno.stat(`${settings.cache}/hub/someone--a-model/${partial}`);
  assert(size > 0);
  assertEquals(
    message,
    `Cannot fetch model.safetensors as it was interrupted at ${size} of 300000 bytes: ` +
      "run it again, it goes on from there",
  );
  const before = hub.requests.length;
  const { path } = await fetchModel(MODEL, { settings });
  assertEquals(await Deno.readFile(`${path}/model.safetensors`), WEIGHTS);
  const again = hub.requests.slice(before).filter(({ host }) => host === hub.storeHost);
  assertEquals(again.map(({ range }) => range), size < WEIGHTS.length ? [`bytes=${size}-`] : []);
  assertEquals(filesIn(settings), Object.keys(FILES));
});

const changing: Record<string, Uint8Array> = { ...FILES };

hubTest("what came of a file that has changed since is not gone on from", async (hub, settings) => {
  const folder = `${settings.cache}/hub/someone--a-model`;
  const controller = new AbortController();
  hub.fault = "stalls";
  const interrupted = fetchModel(MODEL, {
    settings,
    signal: controller.signal,
    onProgress: ({ file }) => file === "model.safetensors" && controller.abort(),
  });
  await assertRejects(() => interrupted, Error, "interrupted at");
  const [old] = filesIn(settings).filter((name) => name.endsWith(".partial"));
  assert((await Deno.stat(`${folder}/${old}`)).size > 0);
  changing["model.safetensors"] = WEIGHTS.toReversed();
  hub.fault = "none";
  const before = hub.requests.length;
  const { path } = await fetchModel(MODEL, { settings });
  assertEquals(await Deno.readFile(`${path}/model.safetensors`), WEIGHTS.toReversed());
  const again = hub.requests.slice(before).filter(({ host }) => host === hub.storeHost);
  assertEquals(again.map(({ range }) => range), [null], "from the beginning, once");
  assertEquals(filesIn(settings), Object.keys(FILES), "the old beginning is gone");
}, changing);

hubTest(
  "bytes of another file under the same hash are seen at the end, and not gone on from",
  async (hub, settings) => {
    const partial = `${settings.cache}/hub/someone--a-model/model.safetensors.${sha256(WEIGHTS).slice(0, 16)}.partial`;
    await Deno.mkdir(partial.slice(0, partial.lastIndexOf("/")), { recursive: true });
    await Deno.writeFile(partial, WEIGHTS.toReversed().subarray(0, 1000));
    const { message } = await assertRejects(() => fetchModel(MODEL, { settings }), Error);
    assertMatch(message, /^Cannot use model\.safetensors as its hash is [0-9a-f]{64} where [0-9a-f]{64} was announced/);
    assertEquals(hub.requests.at(-1)!.range, "bytes=1000-");
    const { path } = await fetchModel(MODEL, { settings });
    assertEquals(await Deno.readFile(`${path}/model.safetensors`), WEIGHTS);
  },
);

hubTest("size and license are told once, as soon as something comes", async (hub, settings) => {
  const notices: string[] = [];
  const onNotice = (notice: string) => notices.push(notice);
  const model = { ...MODEL, hubBytes: 272_000_000 };
  hub.fault = "503";
  await assertRejects(() => fetchModel(model, { settings, onNotice }), Error, "try again later");
  assertEquals(notices, [], "nothing came");
  hub.fault = "none";
  for (let times = 0; times < 2; times++) await fetchModel(model, { settings, onNotice });
  assertEquals(notices, ["fetching a-model from the model hub (someone/a-model): 272 MB, license MIT"]);
});

const FAULTS: readonly [Fault, RegExp][] = [
  ["cut-always", /breaks off at 0 of 300000 bytes: run it again later, it goes on from there/],
  ["wrong-hash", /its hash is [0-9a-f]{40} where [0-9a-f]{40} was announced: fetch it again/],
  ["wrong-bytes", /its hash is [0-9a-f]{64} where [0-9a-f]{64} was announced: fetch it again/],
  ["401", /answers 401: check the name, accept its terms there and set HF_TOKEN/],
  ["gated", /answers 403: check the name, accept its terms there and set HF_TOKEN/],
  ["404", /the hub has no such file: check the name, or set HF_TOKEN/],
  ["503", /answers 503 .* in place of the file: try again later/],
  ["login-page", /answers 200 text\/html; charset=utf-8 in place of the file: check HF_ENDPOINT and the network/],
  ["html", /answers 200 text\/html; charset=utf-8 in place of the file: check HF_ENDPOINT and the network/],
  ["too-long", /sends more than the 299990 bytes announced: fetch it again/],
];

for (const [fault, message] of FAULTS) {
  hubTest(`${fault}: one line with the fix, no half model, and the next try succeeds`, async (hub, settings) => {
    hub.fault = fault;
    const error = await assertRejects(() => fetchModel(MODEL, { settings }), Error);
    assertMatch(error.message, message);
    assert(!error.message.includes("\n"));
    assertEquals(findModel(MODEL, settings), undefined);
    assert(!filesIn(settings).includes("model.safetensors"), "weights are there");
    hub.fault = "none";
    const { path } = await fetchModel(MODEL, { settings });
    assertEquals(await Deno.readFile(`${path}/model.safetensors`), WEIGHTS);
  });
}

hubTest("two that want one model fetch it once", async (hub, settings) => {
  const [one, two] = await Promise.all([fetchModel(MODEL, { settings }), fetchModel(MODEL, { settings })]);
  assertEquals(one.path, two.path);
  assertEquals(hub.requests.filter(({ host }) => host === hub.storeHost).length, 1);
});

hubTest("offline, the hub is left alone", async (hub, settings) => {
  const offline = { ...settings, offline: true };
  await assertRejects(() => fetchModel(MODEL, { settings: offline }), Error, "as HF_HUB_OFFLINE is set: unset it");
  assertEquals(hub.requests, []);
});

hubTest("a hub that is not there", async (_, settings) => {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr;
  listener.close();
  const closed = { ...settings, endpoint: `http://127.0.0.1:${port}` };
  await assertRejects(() => fetchModel(MODEL, { settings: closed }), Error, `Cannot reach 127.0.0.1:${port}: check`);
});

hubTest("a host that the permissions do not cover is named, with what to change", async (_, settings) => {
  const elsewhere = { ...settings, endpoint: "http://mirror.invalid" };
  await assertRejects(
    () => fetchModel(MODEL, { settings: elsewhere }),
    Error,
    'Cannot reach mirror.invalid as deno.json does not allow it: add "mirror.invalid" to "net"',
  );
});

hubTest("the token goes to the hub, and to nobody else", async (hub, settings) => {
  await fetchModel(MODEL, { settings: { ...settings, token: "secret" } });
  for (const { host, authorization } of hub.requests) {
    assertEquals(authorization, host === hub.host ? "Bearer secret" : null);
  }
  assert(hub.requests.some(({ host }) => host === hub.storeHost));
});

const sharded = (name: string) => ({
  ...FILES,
  "model.safetensors.index.json": new TextEncoder().encode(JSON.stringify({ weight_map: { a: name, b: name } })),
  "model-00001-of-00001.safetensors": WEIGHTS,
});

hubTest("shards are fetched by the index, and nothing else", async (_, settings) => {
  await fetchModel(MODEL, { settings });
  assertEquals(filesIn(settings), [
    "config.json",
    "model-00001-of-00001.safetensors",
    "model.safetensors.index.json",
    "tokenizer.json",
  ]);
}, sharded("model-00001-of-00001.safetensors"));

for (
  const name of ["../../evil.safetensors", "/evil.safetensors", "a/b.safetensors", "config.json", "..\\e.safetensors"]
) {
  hubTest(`a shard may not be called ${name}`, async (hub, settings) => {
    await assertRejects(() => fetchModel(MODEL, { settings }), SyntaxError, JSON.stringify(name));
    assertEquals(hub.requests.filter(({ host }) => host === hub.storeHost), []);
  }, sharded(name));
}

hubTest("what was fetched can be verified, and a flipped bit shows", async (_, settings) => {
  const { path } = await fetchModel(MODEL, { settings });
  assert(verifyModel(MODEL, settings).every(({ expected, actual }) => expected === actual));
  const changed = WEIGHTS.slice();
  changed[1234] ^= 1;
  await Deno.writeFile(`${path}/model.safetensors`, changed);
  const wrong = verifyModel(MODEL, settings).filter(({ expected, actual }) => expected !== actual);
  assertEquals(wrong.map((file) => file.path), [`${path}/model.safetensors`]);
});

hubTest("a file that lost bytes since is fetched again", async (hub, settings) => {
  const { path } = await fetchModel(MODEL, { settings });
  await Deno.truncate(`${path}/model.safetensors`, 10);
  assertEquals(findModel(MODEL, settings), undefined);
  const before = hub.requests.length;
  await fetchModel(MODEL, { settings });
  assertEquals(await Deno.readFile(`${path}/model.safetensors`), WEIGHTS);
  const gets = hub.requests.slice(before).filter(({ host, method }) => host === hub.storeHost && method === "GET");
  assertEquals(gets.length, 1);
});
