import { assertEquals, assertExists } from "@std/assert";
import { decodeMessage, encodeMessage } from "../../lib/notebook/message.ts";

const KEY = "a key";
const MESSAGE = { id: "1", type: "status", session: "s", parent: "0", content: { execution_state: "idle" } };
const text = (value: string) => new TextEncoder().encode(value);

Deno.test("a message survives the wire, with the identities that a router puts before it", () => {
  const frames = encodeMessage(MESSAGE, KEY);
  assertEquals(decodeMessage(frames, KEY), MESSAGE);
  assertEquals(decodeMessage([text("identity"), text("another"), ...frames], KEY), MESSAGE);
});

Deno.test("a message that another program signed is read", () => {
  // printf '%s' '{"msg_id":"7","msg_type":"stream","session":"k"}{"msg_id":"0"}{}{"text":"hi"}' | openssl dgst -sha256 -hmac key
  const parts = ['{"msg_id":"7","msg_type":"stream","session":"k"}', '{"msg_id":"0"}', "{}", '{"text":"hi"}'];
  const frames = ["<IDS|MSG>", "2ac08bf6f898bfd047c2326e9bc71b62401806ea0983155256b75a35723ea501", ...parts].map(text);
  assertEquals(decodeMessage(frames, "key"), {
    id: "7",
    type: "stream",
    session: "k",
    parent: "0",
    content: { text: "hi" },
  });
});

Deno.test("a message that is unsigned, forged, cut short or no JSON is dropped", () => {
  const frames = encodeMessage(MESSAGE, KEY);
  assertExists(decodeMessage(frames, KEY));
  assertEquals(decodeMessage(frames, "another key"), undefined);
  assertEquals(decodeMessage([frames[0], text(""), ...frames.slice(2)], KEY), undefined, "unsigned");
  assertEquals(decodeMessage([...frames.slice(0, 5), text('{"execution_state":"busy"}')], KEY), undefined, "forged");
  assertEquals(decodeMessage(frames.slice(0, 5), KEY), undefined, "cut short");
  assertEquals(decodeMessage(frames.slice(1), KEY), undefined, "no delimiter");
  assertEquals(decodeMessage([], KEY), undefined);
});
