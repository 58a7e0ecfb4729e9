import { fileURLToPath } from "node:url";
import { assertEquals, assertMatch } from "@std/assert";
import { readGgufMetadata } from "../../../lib/engine/checkpoint/gguf/read_gguf.ts";
import { openFileSource } from "../../../lib/files/byte_source.ts";
import { exists } from "../../../lib/files/exists.ts";
import { CHECKED_CASES, ROTATIONS, runningFamilies } from "../../../tasks/models/running_families.ts";

const GOLDENS = new URL("../../goldens/families/", import.meta.url);

/** What the goldens of a case say of it, without a date, which they do not hold. */
function caseInGoldens(name: string): Record<string, unknown> {
  const read = (file: string) => JSON.parse(Deno.readTextFileSync(new URL(`${name}/${file}`, GOLDENS)));
  const { versions, windows } = read("golden.json");
  const { model_type, rope_parameters } = read("config.json");
  return {
    case: name,
    family: model_type,
    gguf: ggufArchitecture(fileURLToPath(new URL(`${name}/model.gguf`, GOLDENS))),
    rotation: (rope_parameters.full_attention ?? rope_parameters).rope_type,
    window: windows.some((window: number) => window > 0),
    torch: versions.torch,
    transformers: versions.transformers,
  };
}

function ggufArchitecture(path: string): unknown {
  if (!exists(path)) return null;
  using source = openFileSource(path);
  return readGgufMetadata(source).get("general.architecture");
}

Deno.test("data/families_checked.json lists the goldens of families, each with what it holds", () => {
  const goldens = [...Deno.readDirSync(GOLDENS)].filter(({ isDirectory }) => isDirectory).map(({ name }) => name);
  const listed = CHECKED_CASES.map(({ date: _, ...row }) => row);
  const byCase = (one: { case?: unknown }, other: { case?: unknown }) => `${one.case}` < `${other.case}` ? -1 : 1;
  assertEquals(listed.toSorted(byCase), goldens.map(caseInGoldens).sort(byCase) as unknown as typeof listed);
  for (const { date } of CHECKED_CASES) {
    assertMatch(date, /^20\d\d-\d\d-\d\d$/);
    assertEquals(new Date(date).toISOString().slice(0, 10), date);
  }
});

Deno.test("every family that runs was checked, in GGUF where llama.cpp has a name for it, and every case is one's", () => {
  const families = runningFamilies();
  assertEquals(families.filter(({ checked }) => checked.length === 0), []);
  assertEquals(families.flatMap(({ checked }) => checked).length, CHECKED_CASES.length);
  for (const { family, gguf, checked } of families) {
    const names = checked.flatMap((row) => row.gguf ?? []);
    assertEquals([...new Set(names)], gguf === undefined ? [] : [gguf], family);
  }
  assertEquals(CHECKED_CASES.filter(({ rotation }) => !ROTATIONS.includes(rotation)), []);
});

Deno.test("biases, windows and traits in words, of families whose papers say them", () => {
  const families = new Map(runningFamilies().map((family) => [family.family, family]));
  const words = (name: string) => {
    const { windows, biases, traits } = families.get(name)!;
    return [windows, biases, traits.join(", ")];
  };
  assertEquals(words("llama"), ["none", "as set", ""]);
  assertEquals(words("qwen2"), ["as set", "q, k, v", ""]);
  assertEquals(words("mistral"), ["as set", "none", ""]);
  assertEquals(words("smollm3"), ["as set", "as set", "layers without positions (NoPE)"]);
  assertEquals(words("phi3"), ["as set", "none", "partial rotation as set, packed projections"]);
  assertEquals(words("granite"), ["none", "as set", "multipliers of embedding, residual, score, and logits"]);
  assertEquals(words("olmo2"), ["none", "as set", "norms after sublayers, norms of a token's queries and keys"]);
});
