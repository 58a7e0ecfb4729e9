import { assertEquals } from "@std/assert";
import { ROOMS } from "./rooms.ts";

const ROOT = new URL("../", import.meta.url);
const FILES = ["README.md", "CONTRIBUTING.md", ...markdownIn("docs/")];

/** Folders that only one machine has, and the hosts that package managers ask. */
const OF_A_MACHINE = /(?:^|[\s"'`(=])(?:\/(?:home|root|tmp|work|Users|var)\/|[A-Z]:\\)/;
const REGISTRY = /\b(?:pypi|pythonhosted|npmjs|jsr|crates)\.(?:org|com|io)\b/;

function markdownIn(folder: string): string[] {
  return [...Deno.readDirSync(new URL(folder, ROOT))].flatMap(({ name, isDirectory }) =>
    isDirectory ? markdownIn(`${folder}${name}/`) : name.endsWith(".md") ? [folder + name] : []
  ).sort();
}

/** The text without its code, which has no links and no headings. */
function prose(text: string): string {
  return text.replaceAll(/^(```+|~~~+)[^]*?^\1/gm, "").replaceAll(
    /`[^`\n]*`/g,
    (code) => code.replaceAll(/[[\]()]/g, ""),
  );
}

/** Targets of links that stay in the checkout. */
function relativeLinks(text: string): string[] {
  const targets = [...prose(text).matchAll(/\]\(([^()\s]+)\)/g)].map(([, target]) => target);
  return targets.filter((target) => !/^[a-z][a-z+.-]*:/i.test(target));
}

/** The names that a file's headings go by behind `#`, as GitHub makes them. */
function anchors(text: string): string[] {
  const seen = new Map<string, number>();
  return [...prose(text).matchAll(/^#{1,6} +(.+?) *$/gm)].map(([, heading]) => {
    const name = heading.replaceAll(/\]\([^)]*\)/g, "").toLowerCase().replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, "")
      .replaceAll(" ", "-");
    const times = seen.get(name) ?? 0;
    seen.set(name, times + 1);
    return times === 0 ? name : `${name}-${times}`;
  });
}

/** Links of a file that lead nowhere, in words. */
function deadLinks(file: string, text: string): string[] {
  const base = new URL(file, ROOT);
  return relativeLinks(text).flatMap((target) => {
    const { pathname, hash } = new URL(target, base);
    const [path, isOwn] = [decodeURIComponent(pathname), pathname === base.pathname];
    if (!isOwn && !isFile(path)) return [`${file}: ${target} is no file`];
    if (hash === "" || !path.endsWith(".md")) return [];
    const names = anchors(isOwn ? text : Deno.readTextFileSync(path));
    return names.includes(decodeURIComponent(hash.slice(1))) ? [] : [`${file}: ${target} has no such heading`];
  });
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

for (const file of FILES) {
  Deno.test(`${file}: links lead to files and headings, no line is of one machine or one registry`, () => {
    const text = Deno.readTextFileSync(new URL(file, ROOT));
    assertEquals(deadLinks(file, text), []);
    const lines = text.split("\n").filter((line) => OF_A_MACHINE.test(line) || REGISTRY.test(line));
    assertEquals(lines, []);
  });
}

Deno.test("docs/architecture.md lists and draws the rooms of the plan, each with its doors", () => {
  const text = Deno.readTextFileSync(new URL("docs/architecture.md", ROOT));
  const listed = [...text.matchAll(/^- `([a-z/]+)`: [^]*? Door:\s+([^]*?)\.$(?=\n\n|\n- )/gm)];
  assertEquals(
    Object.fromEntries(
      listed.map(([, room, door]) => [room, [...door.matchAll(/`([^`]+)`/g)].map(([, file]) => file)]),
    ),
    Object.fromEntries(Object.entries(ROOMS).map(([room, { door }]) => [room, [...door]])),
  );
  assertEquals(
    [...text.matchAll(/^ {4}\w+\["([a-z/]+)"\]$/gm)].map(([, room]) => room).sort(),
    Object.keys(ROOMS).sort(),
  );
});

Deno.test("dead links, missing headings, paths of a machine and hosts of registries are seen", () => {
  const text = "# One `word`, two\n## Two\n## Two\n[a](gone.md) [b](README.md#no) [c](#two-1) [d](#one-word-two)\n" +
    "`[e](gone.md)`\n```\n[f](gone.md)\n```\n[g](https://example.org/gone.md) [h](tests/) [`i`](LICENSE)\n";
  assertEquals(deadLinks("made_up.md", text), [
    "made_up.md: gone.md is no file",
    "made_up.md: README.md#no has no such heading",
    "made_up.md: tests/ is no file",
  ]);
  for (const line of ["see /home/me/x", "`/tmp/x`", "(C:\\x)"]) assertEquals(OF_A_MACHINE.test(line), true, line);
  for (const line of ["a/tmp/x", "https://example.org/home/x"]) assertEquals(OF_A_MACHINE.test(line), false, line);
  assertEquals(REGISTRY.test(["ask pypi", "org"].join(".")), true);
});
