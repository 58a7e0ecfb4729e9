import { relative, resolve } from "node:path";
import { exists } from "../../files/exists.ts";
import { readText } from "../../files/text_file.ts";
import { writeReport } from "../files/write_report.ts";
import { readSources } from "./read_sources.ts";
import { siteFiles } from "./site_files.ts";

/** What a site was written as. */
export interface WrittenSite {
  /** Its files, by their paths in its folder. */
  readonly files: readonly string[];
  /** Bytes of all files. */
  readonly bytes: number;
}

/** Lists the site's files, so that the next one can remove those that it no longer has. */
const LIST = "files.txt";

/**
 * Writes the static site of a folder of reports: pages that a browser opens from the file system. The same reports give
 * the same bytes; files of an earlier site that are no longer part of it are removed, no others.
 *
 * @param reports the folder of reports
 * @param output the site's folder
 * @throws {SyntaxError} that names a report which is malformed
 * @throws {RangeError} if the output holds files and none that says they are a site
 */
export async function writeSite(reports: string, output: string): Promise<WrittenSite> {
  if (exists(output) && !exists(`${output}/${LIST}`) && [...Deno.readDirSync(output)].length > 0) {
    throw new RangeError(`Cannot write the site into ${output} as it holds other files: name a new or empty folder`);
  }
  const root = `${relative(resolve(output), resolve(reports, "..")).replaceAll("\\", "/")}/`;
  const files = await siteFiles({ ...readSources(reports), root });
  const earlier = exists(`${output}/${LIST}`) ? readText(`${output}/${LIST}`).split("\n") : [];
  const encoder = new TextEncoder();
  let bytes = 0;
  for (const [path, content] of files) {
    await writeReport(`${output}/${path}`, content);
    bytes += typeof content === "string" ? encoder.encode(content).length : content.length;
  }
  const paths = [...files.keys()].sort();
  await writeReport(`${output}/${LIST}`, `${paths.join("\n")}\n`);
  for (const path of earlier) {
    // The list is a file that anybody may have written to: nothing outside the folder is removed.
    if (!/^(?:[a-z]+\/)?\w[\w.-]*$/.test(path) || files.has(path) || path === LIST) continue;
    if (exists(`${output}/${path}`)) await Deno.remove(`${output}/${path}`);
  }
  return { files: paths, bytes };
}
