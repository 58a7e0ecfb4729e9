import { fileURLToPath } from "node:url";
import { assertEquals } from "@std/assert";
import { checkNotebook } from "../../lib/notebook/check_notebook.ts";
import { injectParameters } from "../../lib/notebook/parameters.ts";
import { readNotebooks } from "../../lib/notebook/read_notebooks.ts";
import { runNotebook } from "../../lib/notebook/run_notebook.ts";
import { serializeNotebook } from "../../lib/notebook/serialize_notebook.ts";

const FOLDER = fileURLToPath(new URL("fixtures/", import.meta.url));

Deno.test("a notebook of every kind of output: checked, run twice, the same bytes", async () => {
  const [file] = await readNotebooks(FOLDER);
  assertEquals([file.name, file.parameters], ["outputs", ["profile", "seed"]]);
  assertEquals(await checkNotebook(file, FOLDER), []);
  const notebook = injectParameters(file.notebook, { profile: "quick" });
  const [one, other] = [
    await runNotebook(notebook, { folder: FOLDER }),
    await runNotebook(notebook, { folder: FOLDER }),
  ];
  assertEquals(one.failed, undefined);
  assertEquals(serializeNotebook(one.notebook), serializeNotebook(other.notebook));
  const forms = one.notebook.cells.flatMap((cell) =>
    cell.type === "code" && cell.outputs.length > 0
      ? [[cell.id, ...cell.outputs.map((output) => "data" in output ? Object.keys(output.data).sort() : output.type)]]
      : []
  );
  assertEquals(forms, [
    ["streams", "stream", "stream", "stream"],
    ["result", ["text/plain"]],
    ["table", ["text/html", "text/markdown", "text/plain"]],
    ["frame", ["application/vnd.dataresource+json", "text/html"]],
    ["chart", ["application/vnd.vegalite.v5+json", "image/png", "text/plain"]],
    ["several", "stream", ["text/plain"], ["text/plain"]],
    ["late", "stream"],
    ["last", "stream"],
  ]);
});
