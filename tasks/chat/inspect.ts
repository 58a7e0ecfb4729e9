import type { Inspection } from "kvmirror";
import { type Chat, type Model, tokenTexts } from "kvmirror/engine";
import { inspectorEvent, inspectorPage } from "../../lib/report/inspector/inspector_page.ts";
import { UsageError } from "../cli/usage_error.ts";

/** A page at 127.0.0.1 that follows a conversation. */
export interface LivePage extends AsyncDisposable {
  /** Where it is: the path is a secret of this run. */
  readonly address: string;
  /** Takes the conversation that is shown from here on. */
  follow(chat: Chat, model: Model): void;
  /** Sends what the cache holds now to the pages that are open; `now` where nothing comes after it for a while. */
  show(urgency: "soon" | "now"): void;
}

/** Milliseconds between two moments that a page is sent: a person sees no more. */
const PAUSE_MS = 250;

/** Letters of the path that a program which does not know it would have to guess: 128 bits. */
const SECRET_BYTES = 16;

const PAGE = {
  title: "What the cache of this conversation holds",
  events: "events",
  madeBy: "deno task chat --inspect",
};

const HEADERS = {
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/**
 * Serves a page that shows which tokens of a conversation the cache holds, and goes on with it by server-sent events. It
 * listens at once, so that a taken port is told before a model is loaded.
 * Other programs and pages of this machine would have to know the address: its path is random.
 *
 * @param port 0 is any free one
 * @throws {UsageError} if the port is taken
 */
export function serveChat(port: number): LivePage {
  const secret = `/${crypto.getRandomValues(new Uint8Array(SECRET_BYTES)).toHex()}/`;
  const open = new Set<ReadableStreamDefaultController<Uint8Array>>();
  const encoder = new TextEncoder();
  let inspect: (() => Inspection) | undefined;
  const message = (inspection: Inspection) => encoder.encode(`data: ${inspectorEvent(inspection)}\n\n`);
  const events = (inspection: Inspection): Response => {
    let own: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        open.add(own = controller);
        controller.enqueue(message(inspection));
      },
      cancel: () => void open.delete(own),
    });
    return new Response(body, { headers: { ...HEADERS, "content-type": "text/event-stream" } });
  };
  const server = listen(port, (request) => {
    const { pathname, host } = new URL(request.url);
    // Another host's name that leads here is somebody else's page.
    const isOurs = request.method === "GET" && host === `127.0.0.1:${server.addr.port}`;
    if (!isOurs || ![secret, `${secret}events`].includes(pathname)) {
      return new Response("Nothing is here.\n", { status: 404, headers: HEADERS });
    }
    if (inspect === undefined) {
      return new Response("The model is being loaded.\n", { status: 503, headers: { ...HEADERS, refresh: "1" } });
    }
    if (pathname !== secret) return events(inspect());
    return new Response(inspectorPage(inspect(), PAGE), {
      headers: { ...HEADERS, "content-type": "text/html; charset=utf-8" },
    });
  });
  let sent = 0;
  return {
    address: `http://127.0.0.1:${server.addr.port}${secret}`,
    follow: (chat, model) => void (inspect = () => inspectionOf(chat, model)),
    show: (urgency) => {
      if (inspect === undefined || open.size === 0 || (urgency === "soon" && performance.now() - sent < PAUSE_MS)) {
        return;
      }
      sent = performance.now();
      const bytes = message(inspect());
      for (const controller of open) controller.enqueue(bytes);
    },
    [Symbol.asyncDispose]: async () => {
      for (const controller of open) controller.close();
      open.clear();
      await server.shutdown();
    },
  };
}

function listen(port: number, answer: (request: Request) => Response): Deno.HttpServer<Deno.NetAddr> {
  try {
    return Deno.serve({ hostname: "127.0.0.1", port, onListen: () => {} }, answer);
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    throw new UsageError(
      `Cannot show the cache at 127.0.0.1:${port} as another program has that port: give --inspect-port another, or 0 for ` +
        "any free one",
    );
  }
}

/** What the cache holds now. */
function inspectionOf({ cache, policy }: Chat, { tokenizer, origin }: Model): Inspection {
  const ids = cache.tokenIds();
  // A model without a system prompt has read nothing yet: an empty token stands for what will come.
  const tokens = ids.length === 0 ? [""] : tokenTexts(tokenizer, ids);
  const frame = { tokens: tokens.length, liveBytes: cache.liveBytes, kept: cache.keptPositions() };
  return {
    model: `${origin.name}, ${origin.weights} weights`,
    tokens,
    tracks: [{ policy: policy.name, along: "tokens", frames: [frame] }],
  };
}
