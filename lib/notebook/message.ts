import { createHmac } from "node:crypto";

/** JSON as a kernel sends it. */
export type Content = Readonly<Record<string, unknown>>;

/** One message of Jupyter's protocol 5.3 (https://jupyter-client.readthedocs.io/en/stable/messaging.html). */
export interface Message {
  readonly id: string;
  readonly type: string;
  /** Who sends it: one id for all that a client sends. */
  readonly session: string;
  /** The id of the request that this answers or comes from. */
  readonly parent?: string;
  readonly content: Content;
}

const DELIMITER = "<IDS|MSG>";

/** Writes `message` as the frames that go over the wire, signed with `key` (HMAC-SHA256). */
export function encodeMessage(message: Message, key: string): Uint8Array[] {
  const header = {
    msg_id: message.id,
    msg_type: message.type,
    session: message.session,
    username: "kvmirror",
    date: new Date().toISOString(),
    version: "5.3",
  };
  const parent = message.parent === undefined ? {} : { msg_id: message.parent };
  const parts = [header, parent, {}, message.content].map((part) => encode(JSON.stringify(part)));
  return [encode(DELIMITER), encode(sign(parts, key)), ...parts];
}

/** Reads a message from its frames; `undefined` for one that was not signed with `key`, or is malformed. */
export function decodeMessage(frames: readonly Uint8Array[], key: string): Message | undefined {
  const delimiter = frames.findIndex((frame) => decode(frame) === DELIMITER);
  const parts = frames.slice(delimiter + 2, delimiter + 6);
  if (delimiter < 0 || parts.length < 4 || decode(frames[delimiter + 1]) !== sign(parts, key)) return undefined;
  try {
    const [header, parent, , content] = parts.map((part) => JSON.parse(decode(part)));
    return { id: header.msg_id, type: header.msg_type, session: header.session, parent: parent.msg_id, content };
  } catch {
    return undefined;
  }
}

function sign(parts: readonly Uint8Array[], key: string): string {
  const hash = createHmac("sha256", key);
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
