import { table } from "../../lib/report/table/table.ts";
import { columns } from "../cli/text_lines.ts";
import { ROTATIONS, type RunningFamily } from "./running_families.ts";

const NONE = "–";

/** The families that run, for a terminal: what each is, and what of it was checked. */
export function familyText(families: readonly RunningFamily[]): string {
  const forms = families.map(({ family, gguf = NONE, windows, biases, traits }) => [
    family,
    gguf,
    windows,
    biases,
    traits.join(", ") || NONE,
  ]);
  const checks = families.map((family) => [
    family.family,
    ...ROTATIONS.map((rotation) => hasChecked(family, rotation) ? "checked" : "runs"),
    family.windows === "none" ? NONE : hasCheckedWindows(family) ? "checked" : "runs",
    goldens(family),
    newestDate(family),
  ]);
  return [
    columns(["family", "GGUF", "windows", "biases", "beside Llama's form"], forms),
    columns(["family", ...ROTATIONS, "windows", "goldens", "date"], checks),
  ].join("\n\n");
}

/** The families that run as a table in Markdown: the README's. */
export function familyMarkdown(families: readonly RunningFamily[]): string {
  return table(families.map((family) => ({
    family: family.family,
    models: family.models,
    GGUF: family.gguf ?? NONE,
    windows: family.windows,
    biases: family.biases,
    "beside Llama's form": family.traits.join(", ") || NONE,
    "checked against PyTorch": [
      ...ROTATIONS.filter((rotation) => hasChecked(family, rotation)),
      ...(hasCheckedWindows(family) ? ["windows"] : []),
    ].join(", "),
    goldens: goldens(family),
    date: newestDate(family),
  }))).markdown;
}

function hasChecked({ checked }: RunningFamily, rotation: string): boolean {
  return checked.some((checked) => checked.rotation === rotation);
}

function hasCheckedWindows({ checked }: RunningFamily): boolean {
  return checked.some(({ window }) => window);
}

/** Checkpoints as Hugging Face folders, and those of them that are GGUF files as well: `10 + 6`. */
function goldens({ checked }: RunningFamily): string {
  return `${checked.length} + ${checked.filter(({ gguf }) => gguf !== null).length}`;
}

function newestDate({ checked }: RunningFamily): string {
  return checked.map(({ date }) => date).sort().at(-1) ?? NONE;
}
