import { assertEquals, assertThrows } from "@std/assert";
import { sourceSettings } from "../../../lib/engine/sources/settings.ts";

const settings = (variables: Record<string, string>, system: typeof Deno.build.os = "linux") =>
  sourceSettings({ variable: (name) => variables[name], system });

Deno.test("a bare environment: the public hub, no token, caches under HOME", () => {
  assertEquals(settings({ HOME: "/home/x" }), {
    cache: "/home/x/.cache/kvmirror",
    hubCache: "/home/x/.cache/huggingface/hub",
    endpoint: "https://huggingface.co",
    token: undefined,
    offline: false,
  });
});

Deno.test("Hugging Face's cache goes by HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME, in this order", () => {
  const all = { HOME: "/home/x", XDG_CACHE_HOME: "/xdg", HF_HOME: "/hf", HF_HUB_CACHE: "/hub" };
  assertEquals(settings(all).hubCache, "/hub");
  assertEquals(settings({ ...all, HF_HUB_CACHE: "" }).hubCache, "/hf/hub");
  assertEquals(settings({ HOME: "/home/x", XDG_CACHE_HOME: "/xdg" }).hubCache, "/xdg/huggingface/hub");
  assertEquals(settings({ USERPROFILE: "C:/x" }, "windows").hubCache, "C:/x/.cache/huggingface/hub");
  assertEquals(settings({ KVMIRROR_CACHE: "/ours" }).hubCache, undefined);
});

Deno.test("HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE", () => {
  const set = (variables: Record<string, string>) => settings({ HOME: "/home/x", ...variables });
  assertEquals(set({ HF_ENDPOINT: "https://mirror.example//" }).endpoint, "https://mirror.example");
  assertEquals(set({ HF_TOKEN: "secret" }).token, "secret");
  for (const wrong of ["secret\n", "sec ret", "\tsecret", "sécret"]) {
    const { message } = assertThrows(
      () => set({ HF_TOKEN: wrong }),
      RangeError,
      "Cannot send HF_TOKEN to the hub as its",
    );
    assertEquals(message.includes("ecret"), false, "the token is not printed");
  }
  for (const on of ["1", "true", "TRUE", "yes", "on"]) assertEquals(set({ HF_HUB_OFFLINE: on }).offline, true, on);
  for (const off of ["", "0", "false", "no"]) assertEquals(set({ HF_HUB_OFFLINE: off }).offline, false, off);
  for (const wrong of ["mirror", "ftp://mirror", "https://", "https:///x"]) {
    assertThrows(() => set({ HF_ENDPOINT: wrong }), RangeError, "Cannot reach the hub as HF_ENDPOINT is");
  }
});
