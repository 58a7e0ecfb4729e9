import { assertEquals, assertThrows } from "@std/assert";
import { cacheFolder, type Machine } from "../../lib/files/cache_folder.ts";

const on = (system: Machine["system"], variables: Record<string, string>) =>
  cacheFolder({ system, variable: (name) => variables[name] });

Deno.test("the cache is where KVMIRROR_CACHE, XDG_CACHE_HOME or the system says, in this order", () => {
  const all = { KVMIRROR_CACHE: "/k", XDG_CACHE_HOME: "/x", HOME: "/home/me" };
  assertEquals(on("linux", all), "/k");
  assertEquals(on("linux", { ...all, KVMIRROR_CACHE: "" }), "/x/kvmirror");
  assertEquals(on("linux", { HOME: "/home/me" }), "/home/me/.cache/kvmirror");
  assertEquals(on("darwin", { HOME: "/Users/me" }), "/Users/me/Library/Caches/kvmirror");
  assertEquals(on("darwin", all), "/k");
});

Deno.test("on Windows the cache is in the local application data", () => {
  const variables = { USERPROFILE: "C:\\Users\\me", LOCALAPPDATA: "C:\\Users\\me\\AppData\\Local" };
  assertEquals(on("windows", variables), "C:\\Users\\me\\AppData\\Local\\kvmirror\\cache");
  assertEquals(on("windows", { USERPROFILE: "C:\\Users\\me" }), "C:\\Users\\me/.cache/kvmirror");
});

Deno.test("a machine without a home says what to set", () => {
  assertThrows(() => on("linux", {}), RangeError, "set KVMIRROR_CACHE");
});
