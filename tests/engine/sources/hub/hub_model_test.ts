import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import {
  checkModelName,
  findModel,
  type KnownModel,
  modelNamed,
  resolveModel,
  type SourceSettings,
  verifyModel,
} from "kvmirror/engine";
import { fetchModel } from "../../../../lib/engine/sources/resolve_model.ts";
import { createHash } from "node:crypto";
import { type Card, type HubServer, withHub } from "../../../fixtures/hub_server.ts";

const REPOSITORY = "someone/a-model";
const HUB = `hub:${REPOSITORY}`;
const WEIGHTS = Uint8Array.from({ length: 1_600_000 }, (_, index) => index * 7 % 251);
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const text = (content: string) => new TextEncoder().encode(content);
const FOLDER = {
  "README.md": text("a card"),
  "config.json": text("{}"),
  "model.safetensors": WEIGHTS,
  "tokenizer.json": text('{"a":1}'),
};
const ONE = { "README.md": text("a card"), "a-model-q8_0.gguf": WEIGHTS, "mmproj-f16.gguf": text("a projector") };
const SEVERAL = {
  "README.md": text("a card"),
  "config.json": text("{}"), // some who quantize leave it in: without weights and tokenizer it is no folder
  "a-model-f16.gguf": WEIGHTS.subarray(0, 1_000),
  "a-model-q4_k_m.gguf": WEIGHTS,
  "big/a-model-q8_0-00001-of-00002.gguf": WEIGHTS,
  "big/a-model-q8_0-00002-of-00002.gguf": WEIGHTS,
  "small one/a-model q2.gguf": WEIGHTS.subarray(0, 2_000),
};
/** Files that no repository would have, and that lead elsewhere. */
const EVIL = { "../../evil.gguf": WEIGHTS, "C:\\evil.gguf": WEIGHTS, "a\nb.gguf": WEIGHTS };

function hubTest(
  name: string,
  files: Readonly<Record<string, Uint8Array>>,
  body: (hub: HubServer, settings: SourceSettings) => Promise<void>,
  card?: Card,
): void {
  Deno.test(name, () => withHub(REPOSITORY, files, body, card));
}

/** Resolves a name and gathers the notices. */
async function resolved(
  name: string,
  settings: SourceSettings,
): Promise<{ path: string; source: string; name: string; notices: string[] }> {
  const notices: string[] = [];
  return { ...await resolveModel(name, { settings, onNotice: (notice) => notices.push(notice) }), notices };
}

hubTest(
  "a repository's folder: size and license are told, then it is found without asking",
  FOLDER,
  async (hub, settings) => {
    const { path, source, name, notices } = await resolved(HUB, settings);
    assertEquals(await Deno.readFile(`${path}/model.safetensors`), WEIGHTS);
    assertEquals([name, source], [HUB, `the model hub (${REPOSITORY})`]);
    assertEquals(notices, [`fetching ${REPOSITORY} from the model hub: 2 MB, license apache-2.0`]);
    const count = hub.requests.length;
    const again = await resolved(HUB, { ...settings, offline: true });
    assertEquals([again.path, again.source], [path, `the model hub (${REPOSITORY}), fetched earlier`]);
    assertEquals(hub.requests.length, count);
    assert(verifyModel(modelNamed(HUB, settings)!, settings).every(({ expected, actual }) => expected === actual));
  },
);

hubTest("the one GGUF file of a repository need not be named", ONE, async (hub, settings) => {
  const { path, source, notices } = await resolved(HUB, settings);
  assertMatch(path, /\/hub\/someone--a-model\/a-model-q8_0\.gguf$/);
  assertEquals(await Deno.readFile(path), WEIGHTS);
  assertEquals(source, `the model hub (${REPOSITORY}/a-model-q8_0.gguf)`);
  assertEquals(notices, [`fetching ${REPOSITORY}/a-model-q8_0.gguf from the model hub: 2 MB, license apache-2.0`]);
  const count = hub.requests.length;
  assertEquals((await resolved(HUB, { ...settings, offline: true })).path, path);
  assertEquals((await resolved(`${HUB}/a-model-q8_0.gguf`, settings)).path, path);
  assertEquals(hub.requests.length, count);
  const [verified, ...others] = verifyModel(modelNamed(HUB, settings)!, settings);
  assertEquals([verified, others.length], [{ path, expected: sha256(WEIGHTS), actual: sha256(WEIGHTS) }, 0]);
});

hubTest("of several GGUF files one is named; folders and spaces are part of a name", SEVERAL, async (hub, settings) => {
  const error = await assertRejects(() => resolved(HUB, settings), Error);
  assertEquals(
    error.message,
    `Cannot choose among the 4 GGUF files of ${REPOSITORY}: name one, like ${HUB}/a-model-q4_k_m.gguf; ` +
      "it has a-model-f16.gguf, a-model-q4_k_m.gguf, big/a-model-q8_0-00001-of-00002.gguf, small one/a-model q2.gguf",
  );
  assertEquals(hub.requests.filter(({ host }) => host === hub.storeHost), []);
  for (const file of ["a-model-q4_k_m.gguf", "small one/a-model q2.gguf"] as const) {
    const { path } = await resolved(`${HUB}/${file}`, settings);
    assertEquals(await Deno.readFile(path), SEVERAL[file]);
  }
  await assertRejects(() => resolved(HUB, settings), Error, "Cannot choose among the 4");
  const offline = { ...settings, offline: true };
  await assertRejects(
    () => resolved(HUB, offline),
    Error,
    "as HF_HUB_OFFLINE is set: unset it, or take what is here of it: a-model-q4_k_m.gguf, small one/a-model q2.gguf",
  );
});

hubTest(
  "a long list of files is cut",
  Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`q${10 + at}.gguf`, WEIGHTS])),
  async (_, settings) => {
    const { message } = await assertRejects(() => resolved(HUB, settings), Error);
    assertMatch(message, /among the 20 GGUF files .*; it has q10\.gguf, .*, q17\.gguf and 12 more$/);
  },
);

hubTest("a GGUF download that is cut goes on where it stopped, in the next run as well", ONE, async (hub, settings) => {
  hub.fault = "cut";
  const { path } = await resolved(HUB, settings);
  assertEquals(await Deno.readFile(path), WEIGHTS);
  const ranges = hub.requests.filter(({ host, range }) => host === hub.storeHost && range !== null);
  assertEquals(ranges.map(({ range }) => range), ["bytes=800000-"]);
  await Deno.rename(path, `${path}.${sha256(WEIGHTS).slice(0, 16)}.partial`);
  await Deno.truncate(`${path}.${sha256(WEIGHTS).slice(0, 16)}.partial`, 5_000);
  await resolved(HUB, settings);
  assertEquals(hub.requests.at(-1)!.range, "bytes=5000-");
  const names = [...Deno.readDirSync(`${settings.cache}/hub/someone--a-model`)].map(({ name }) => name).sort();
  assertEquals(names, [".lock", "a-model-q8_0.gguf", "a-model-q8_0.gguf.fetched.json"]);
});

hubTest(
  "a folder and a half GGUF file of one repository leave each other alone",
  { ...FOLDER, ...ONE },
  async (_, settings) => {
    const folder = `${settings.cache}/hub/someone--a-model`;
    await Deno.mkdir(folder, { recursive: true });
    const partial = `${folder}/a-model-q8_0.gguf.${sha256(WEIGHTS).slice(0, 16)}.partial`;
    await Deno.writeFile(partial, WEIGHTS.subarray(0, 10));
    assertEquals((await resolved(HUB, settings)).path, folder);
    assertEquals((await Deno.stat(partial)).size, 10);
    assertEquals((await resolved(`${HUB}/a-model-q8_0.gguf`, settings)).path, `${folder}/a-model-q8_0.gguf`);
  },
);

hubTest(
  "Hugging Face's cache comes first: a folder, a file, and the one file of a repository",
  {},
  async (hub, settings) => {
    const root = `${settings.hubCache}/models--someone--a-model`;
    const snapshot = `${root}/snapshots/abc123`;
    for (const folder of [`${root}/refs`, `${root}/blobs`, `${snapshot}/q4`]) {
      await Deno.mkdir(folder, {
        recursive: true,
      });
    }
    await Deno.writeTextFile(`${root}/refs/main`, "abc123");
    await Deno.writeFile(`${root}/blobs/${sha256(WEIGHTS)}`, WEIGHTS);
    await Deno.symlink(`../../../blobs/${sha256(WEIGHTS)}`, `${snapshot}/q4/m.gguf`);
    for (const name of [HUB, `${HUB}/q4/m.gguf`]) {
      const { path, source, notices } = await resolved(name, { ...settings, offline: true });
      assertEquals([path, source], [`${snapshot}/q4/m.gguf`, `the Hugging Face cache (${REPOSITORY}/q4/m.gguf)`]);
      assertEquals(notices, []);
      const [{ expected, actual }] = verifyModel(modelNamed(name, settings)!, settings);
      assertEquals([expected, actual], [sha256(WEIGHTS), sha256(WEIGHTS)]);
    }
    for (const [name, content] of Object.entries(FOLDER)) await Deno.writeFile(`${snapshot}/${name}`, content);
    assertEquals((await resolved(HUB, settings)).path, snapshot);
    assertEquals(hub.requests, []);
  },
);

const LICENSES: readonly [string, Card, string][] = [
  ["only in tags", { tags: ["gguf", "license:mit"] }, "license mit"],
  ["of its own", { cardData: { license: "other", license_name: "qwen-research" } }, "license other (qwen-research)"],
  ["a list", { cardData: { license: ["mit", "apache-2.0"] } }, "license mit, apache-2.0"],
  ["absent", { cardData: null, tags: [] }, "no license is named: see its page there"],
  ["not to be printed", { cardData: { license: "mit\u001b[2J\nfree" } }, "no license is named: see its page there"],
];

for (const [name, card, expected] of LICENSES) {
  hubTest(`a license that is ${name}`, ONE, async (_, settings) => {
    const { notices } = await resolved(HUB, settings);
    assertEquals(notices, [`fetching ${REPOSITORY}/a-model-q8_0.gguf from the model hub: 2 MB, ${expected}`]);
  }, card);
}

const WRONG_NAMES: readonly [string, RegExp][] = [
  ["hub:x", /^Cannot take the model "hub:x" from the hub as a part of it is missing: write hub:OWNER\/NAME or .*gguf$/],
  ["hub:", /a part of it is missing/],
  ["hub:/x", /a part of it is missing/],
  ["hub:a/b/", /a part of it is missing/],
  ["hub:a//c.gguf", /a part of it is missing/],
  ["hub:a/b/../c.gguf", /from the hub as "\.\." is no name: write hub:OWNER\/NAME or/],
  ["hub:../b", /"\.\." is no name/],
  ["hub:a/b--c", /"b--c" is no name/],
  ["hub:a/b?x", /"b\?x" is no name/],
  ["hub:https://example.com/a/b", /"https:" is no name/],
  ["hub:a/b/c\\d.gguf", /is no name/],
  ["hub:a/b/c\nd.gguf", /"c\\nd\.gguf" is no name/],
  [
    "hub:a/b/file.bin",
    /as file\.bin is no GGUF file: name one that ends in \.gguf, or hub:a\/b for its folder$/,
  ],
  [
    "hub:a/b/m-00004-of-00003.gguf",
    /^Cannot open part 4 of 3: parts are numbered from 1/,
  ],
];

Deno.test("names that are no place on the hub: one line each, before anything is asked", () => {
  for (const [name, message] of WRONG_NAMES) {
    const error = assertThrows(() => checkModelName(name), RangeError);
    assertMatch(error.message, message);
    assert(!error.message.includes("\n"));
  }
  checkModelName("hub:a/b");
  checkModelName("hub:TheBloke/Some_Model-7B.v2-GGUF/q4/m-00001-of-00001.GGUF");
});

hubTest("a file that is not there: the nearest, and what there is", SEVERAL, async (_, settings) => {
  const { message } = await assertRejects(() => resolved(`${HUB}/a-model-q4_k_s.gguf`, settings), Error);
  assertEquals(
    message,
    `Cannot fetch a-model-q4_k_s.gguf of ${REPOSITORY} as the hub has no such file: did you mean a-model-q4_k_m.gguf? ` +
      "It has a-model-f16.gguf, a-model-q4_k_m.gguf, big/a-model-q8_0-00001-of-00002.gguf, small one/a-model q2.gguf",
  );
});

const PARTS = { "m-00001-of-00002.gguf": WEIGHTS, "m-00002-of-00002.gguf": WEIGHTS.subarray(0, 2_000_000) };

hubTest("a split file is fetched whole, and found again by any of its parts", PARTS, async (hub, settings) => {
  const { path, notices } = await resolved(HUB, settings);
  assertEquals(path.endsWith("/m-00001-of-00002.gguf"), true);
  for (const [name, bytes] of Object.entries(PARTS)) {
    assertEquals(await Deno.readFile(path.replace("m-00001-of-00002.gguf", name)), bytes);
  }
  assertMatch(notices.join(), /: 3 MB, license/);
  const count = hub.requests.length;
  assertEquals((await resolved(`${HUB}/m-00002-of-00002.gguf`, settings)).path, path);
  assertEquals(hub.requests.length, count);
});

const REFUSED: readonly [string, Record<string, Uint8Array>, string, RegExp][] = [
  ["no GGUF file", FOLDER, `${HUB}/x.gguf`, /has no such file: it has no GGUF file, so try hub:someone\/a-model$/],
  [
    "nothing that can be read",
    { "config.json": text("{}"), "pytorch_model.bin": WEIGHTS },
    HUB,
    /as it has no GGUF file, and lacks tokenizer\.json and model\.safetensors of a safetensors folder: name a repository/,
  ],
  [
    "a split file whose part is missing",
    { "m-00001-of-00002.gguf": WEIGHTS },
    `${HUB}/m-00001-of-00002.gguf`,
    /as its part m-00002-of-00002\.gguf is missing there: name another file$/,
  ],
  ["names that lead elsewhere", EVIL, HUB, /as it has no GGUF file, and lacks config\.json and/],
];

for (const [name, files, asked, message] of REFUSED) {
  hubTest(`a repository with ${name}: one line with the fix`, files, async (hub, settings) => {
    const error = await assertRejects(() => resolved(asked, settings), Error);
    assertMatch(error.message, message);
    assertEquals(hub.requests.filter(({ host }) => host === hub.storeHost), []);
  });
}

hubTest("a repository that is not there, a hub that fails, and offline", ONE, async (hub, settings) => {
  await assertRejects(
    () => resolved("hub:someone/another", settings),
    Error,
    "Cannot find someone/another as the hub answers 404: check the name, accept its terms there and set HF_TOKEN",
  );
  for (
    const [fault, message] of [["401", /answers 401: check the name/], ["503", /answers 503: try again later/], [
      "login-page",
      /answers 200 text\/html; charset=utf-8 in place of a list: check HF_ENDPOINT and the network$/,
    ]] as const
  ) {
    hub.fault = fault;
    assertMatch((await assertRejects(() => resolved(HUB, settings), Error)).message, message);
  }
  const count = hub.requests.length;
  await assertRejects(
    () => resolved(HUB, { ...settings, offline: true }),
    Error,
    "Cannot fetch someone/a-model as HF_HUB_OFFLINE is set: unset it, or give the path of a model on disk",
  );
  assertEquals(hub.requests.length, count);
});

hubTest("the token goes with the question for files, and to nobody else", ONE, async (hub, settings) => {
  await resolved(HUB, { ...settings, token: "secret" });
  for (const { host, authorization } of hub.requests) {
    assertEquals(authorization, host === hub.host ? "Bearer secret" : null);
  }
});

const PINNED: KnownModel = {
  name: "pinned",
  license: "MIT",
  repository: REPOSITORY,
  file: "a-model-q8_0.gguf",
  sha256: sha256(WEIGHTS),
  hubBytes: WEIGHTS.length,
};

hubTest(
  "a known model's file is pinned: another one on the hub is refused before it is fetched",
  ONE,
  async (hub, settings) => {
    const { path } = await fetchModel(PINNED, { settings });
    assertEquals(await Deno.readFile(path), WEIGHTS);
    assertEquals(findModel(PINNED, settings)?.path, path);
    const other = { ...PINNED, sha256: "0".repeat(64) };
    assertEquals(findModel(other, settings), undefined, "what is here is another file");
    const count = hub.requests.filter(({ host }) => host === hub.storeHost).length;
    const error = await assertRejects(() => fetchModel(other, { settings }), Error);
    assertMatch(
      error.message,
      /as the hub has [0-9a-f]{64} where 0{64} is known: name hub:someone\/a-model\/a-model-q8_0/,
    );
    assertEquals(hub.requests.filter(({ host }) => host === hub.storeHost).length, count);
  },
);
