import { parseJsonObject } from "../../../files/json_object.ts";
import type { SourceSettings } from "../settings.ts";
import { fetchOrExplain } from "./fetch_or_explain.ts";

/** Repositories with thousands of files answer with a few megabytes; more is no model. */
const MAX_ANSWER_BYTES = 32 << 20;

/** What the hub says of a repository. */
export interface RepositoryFacts {
  /** Its files, by their paths, and their bytes where the hub says. */
  readonly files: ReadonlyMap<string, number | undefined>;
  /** The license that its card names: `apache-2.0`, `other (qwen-research)`. */
  readonly license: string | undefined;
}

/**
 * Asks the hub which files a repository has, how large they are, and under which license they stand.
 *
 * `GET /api/models/OWNER/NAME?blobs=true` answers `{siblings: [{rfilename, size, lfs?: {size}}], cardData?: {license?},
 * tags: ["license:…"]}`; sizes are there because of `blobs`.
 *
 * @throws {Error} in one line, with the fix, if the hub cannot be reached, refuses, or answers with something else
 */
export async function describeRepository(
  repository: string,
  { endpoint, token }: SourceSettings,
  signal?: AbortSignal,
): Promise<RepositoryFacts> {
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
  const response = await fetchOrExplain(`${endpoint}/api/models/${repository}?blobs=true`, { headers, signal });
  const { status } = response;
  if (!response.ok) {
    await response.body?.cancel();
    // The hub says 401 of what does not exist as well, to those it does not know.
    const fix = [401, 403, 404].includes(status)
      ? "check the name, accept its terms there and set HF_TOKEN"
      : status === 429 || status >= 500
      ? "try again later"
      : "check HF_ENDPOINT and the network";
    throw new Error(`Cannot find ${repository} as the hub answers ${status}: ${fix}`);
  }
  const type = response.headers.get("content-type") ?? "nothing";
  const answer = await readAnswer(response, signal).catch((error) => {
    if (signal?.aborted) throw error;
    throw new Error(
      `Cannot list the files of ${repository} as ${endpoint} answers ${status} ${type} in place of a list: ` +
        "check HF_ENDPOINT and the network",
    );
  });
  return { files: filesOf(answer), license: licenseOf(answer) };
}

async function readAnswer(response: Response, signal?: AbortSignal): Promise<Record<string, unknown>> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  for await (const piece of response.body ?? []) {
    signal?.throwIfAborted();
    bytes += piece.length;
    if (bytes > MAX_ANSWER_BYTES) throw new SyntaxError("too long");
    pieces.push(piece);
  }
  const answer = parseJsonObject(await new Blob(pieces).bytes(), "the hub's answer");
  if (!Array.isArray(answer.siblings)) throw new SyntaxError("no siblings");
  return answer;
}

function filesOf({ siblings }: Record<string, unknown>): Map<string, number | undefined> {
  const files = new Map<string, number | undefined>();
  for (const sibling of siblings as readonly unknown[]) {
    const { rfilename, size, lfs } = (sibling ?? {}) as Record<string, unknown>;
    // Of a large file, `size` has also been that of the pointer in its place.
    const bytes = (lfs as { size?: unknown } | null | undefined)?.size ?? size;
    if (typeof rfilename === "string") files.set(rfilename, Number.isSafeInteger(bytes) ? bytes as number : undefined);
  }
  return files;
}

function licenseOf({ cardData, tags }: Record<string, unknown>): string | undefined {
  const card = (cardData ?? {}) as Record<string, unknown>;
  const tagged = Array.isArray(tags) ? tags.filter((tag) => typeof tag === "string" && tag.startsWith("license:")) : [];
  const named = [card.license ?? tagged.map((tag: string) => tag.slice("license:".length))].flat().filter(isShort);
  if (named.length === 0) return undefined;
  const license = named.join(", ");
  return license === "other" && isShort(card.license_name) ? `other (${card.license_name})` : license;
}

/** Whether it is a name that can be printed as it is: whatever a card holds, a notice is one short line. */
function isShort(value: unknown): value is string {
  return typeof value === "string" && /^[\w .,:/()+-]{1,80}$/.test(value);
}
