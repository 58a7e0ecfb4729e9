/** What the tests use of `jsr:@std/assert`, served from npm where JSR cannot be reached (README, "Dependencies"). */
// @ts-types="./assert.d.ts"
export * from "npm:deno-std@1.4.0/assert/mod.js";
