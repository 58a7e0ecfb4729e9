import { createHash } from "node:crypto";

/** What the made-up hub does wrong. */
export type Fault =
  | "none"
  | "cut"
  | "cut-always"
  | "ignores-range"
  | "wrong-hash"
  | "wrong-bytes"
  | "401"
  | "gated"
  | "404"
  | "503"
  | "login-page"
  | "html"
  | "too-long";

/** A request that the made-up hub or its store got. */
export interface SeenRequest {
  readonly host: string;
  readonly method: string;
  readonly path: string;
  readonly range: string | null;
  readonly authorization: string | null;
}

/** A server on the loopback that speaks the model hub's routes for one repository, and a store for its large files. */
export interface HubServer extends AsyncDisposable {
  /** What `HF_ENDPOINT` is set to. */
  readonly endpoint: string;
  readonly host: string;
  readonly storeHost: string;
  readonly requests: SeenRequest[];
  fault: Fault;
}

const COMMIT = "0123456789abcdef0123456789abcdef01234567";

/**
 * Serves `files` of `repository` as the hub does: `/<repository>/resolve/main/<path>` redirects to a small file's own
 * address on the hub (the redirect's length and type are its own), and to another server, with `x-linked-etag` and
 * `x-linked-size`, for a large one.
 */
export function serveHub(repository: string, files: Readonly<Record<string, Uint8Array>>): HubServer {
  const requests: SeenRequest[] = [];
  const state = { fault: "none" as Fault };
  const note = (request: Request): URL => {
    const url = new URL(request.url);
    const { method, headers } = request;
    requests.push({
      host: url.host,
      method,
      path: url.pathname,
      range: headers.get("range"),
      authorization: headers.get("authorization"),
    });
    return url;
  };
  const options = { port: 0, hostname: "127.0.0.1", onListen: () => {}, onError: () => new Response(null) };
  const store = Deno.serve(options, (request) => {
    const { pathname } = note(request);
    return sendLarge(files[pathname.slice(1)], request, state);
  });
  const storeHost = `127.0.0.1:${store.addr.port}`;
  const hub = Deno.serve(options, (request) => {
    const { pathname } = note(request);
    if (state.fault === "503") return new Response("Service unavailable", { status: 503 });
    if (state.fault === "login-page") return html();
    if (state.fault === "401") return new Response("Invalid credentials", { status: 401 });
    const [resolve, small] = [`/${repository}/resolve/main/`, `/api/resolve-cache/models/${repository}/${COMMIT}/`];
    const path = [resolve, small].filter((prefix) =>
      pathname.startsWith(prefix)
    ).map((prefix) => pathname.slice(prefix.length))[0];
    const bytes = files[path];
    const common = { "x-repo-commit": COMMIT };
    if (bytes === undefined || state.fault === "404") {
      return new Response("Entry not found", { status: 404, headers: { "x-error-code": "EntryNotFound" } });
    }
    if (isLarge(path)) {
      if (state.fault === "gated") {
        return new Response("Access denied", { status: 403, headers: common });
      }
      return redirect(302, `http://${storeHost}/${path}`, {
        ...common,
        "x-linked-etag": `"${tag(path, bytes, state.fault)}"`,
        "x-linked-size": String(state.fault === "too-long" ? bytes.length - 10 : bytes.length),
      });
    }
    if (pathname.startsWith(resolve)) {
      return redirect(307, `${small}${path}?etag=x`, common);
    }
    const headers = { ...common, etag: `"${tag(path, bytes, state.fault)}"`, "content-length": String(bytes.length) };
    return new Response(request.method === "HEAD" ? null : bytes.slice(), { headers });
  });
  return {
    endpoint: `http://127.0.0.1:${hub.addr.port}`,
    host: `127.0.0.1:${hub.addr.port}`,
    storeHost,
    requests,
    get fault(): Fault {
      return state.fault;
    },
    set fault(fault: Fault) {
      state.fault = fault;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([hub.shutdown(), store.shutdown()]);
    },
  };
}

function isLarge(path: string): boolean {
  return path.endsWith(".safetensors");
}

/** sha256 of large files, git's blob hash of others. */
function tag(path: string, bytes: Uint8Array, fault: Fault): string {
  const hash = isLarge(path)
    ? createHash("sha256").update(bytes).digest("hex")
    : createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
  return fault === "wrong-hash" ? hash.replace(/^./, (digit) => digit === "0" ? "1" : "0") : hash;
}

function redirect(status: number, location: string, headers: Record<string, string>): Response {
  const body = `Redirecting to ${location}`;
  return new Response(body, { status, headers: { ...headers, location, "content-type": "text/plain" } });
}

function html(): Response {
  return new Response("<html>Please log in</html>", { headers: { "content-type": "text/html; charset=utf-8" } });
}

/** Sends a large file, or the range that is asked for, or what goes wrong. */
function sendLarge(bytes: Uint8Array, request: Request, state: { fault: Fault }): Response {
  if (state.fault === "html") return html();
  const asked = request.headers.get("range")?.match(/^bytes=(\d+)-$/);
  const from = state.fault === "ignores-range" ? 0 : Number(asked?.[1] ?? 0);
  const rest = bytes.slice(from);
  if (state.fault === "wrong-bytes") rest.fill(0);
  const headers = {
    "content-type": "application/octet-stream",
    ...(from > 0 && { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
  };
  const status = from > 0 ? 206 : 200;
  if (state.fault !== "cut" && state.fault !== "cut-always") return new Response(rest, { status, headers });
  const sent = state.fault === "cut" ? rest.slice(0, rest.length >> 1) : rest.slice(0, 0);
  if (state.fault === "cut") state.fault = "none";
  const broken = new ReadableStream<Uint8Array>({
    start: (controller) => {
      if (sent.length > 0) controller.enqueue(sent);
    },
    // The second pull comes once the first piece is on its way.
    pull: (controller) => controller.error(new Error("the test cuts the connection")),
  });
  return new Response(broken, { status, headers: { ...headers, "content-length": String(rest.length) } });
}
