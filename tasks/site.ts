/** `deno task site`: writes the static site of the reports, which a browser opens from the file system. */
import { relative, resolve } from "node:path";
import { isFolder } from "../lib/files/exists.ts";
import { writeSite } from "../lib/report/site/write_site.ts";
import { bytes } from "../lib/report/table/number_format.ts";
import { printJson, printText } from "./cli/print.ts";
import { runTask } from "./cli/run_task.ts";
import { UsageError } from "./cli/usage_error.ts";

await runTask("site", async (flags) => {
  const reports = resolve(flags.text("reports")!);
  if (!isFolder(reports)) {
    throw new UsageError(`Cannot read the reports in ${reports}: name their folder with --reports`);
  }
  const output = resolve(flags.text("output") ?? `${reports}/site`);
  const site = await writeSite(reports, output);
  if (flags.toggle("json")) return printJson({ output, ...site });
  printText(`${site.files.length} files, ${bytes(site.bytes)}: open ${relative(Deno.cwd(), output)}/index.html`);
});
