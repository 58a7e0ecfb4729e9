/** Takes the pictures of the committed site that docs/images/ holds: `deno run -A tests/browser/site_pictures.ts [FOLDER [PART OF A NAME]]`. */
import { findChromium, startChromium, type View } from "./chromium.ts";

const SITE = new URL("../../reports/site/", import.meta.url);

const WIDE = { width: 1200, height: 900 };
const PHONE = { width: 400, height: 800 };

/** Pages and what to bring into view. */
const PICTURES: Readonly<Record<string, { page: string; view: View; at?: string }>> = {
  site_landing_1200: { page: "index.html", view: WIDE },
  site_landing_400: { page: "index.html", view: PHONE },
  site_leaderboard_1200: { page: "leaderboard.html", view: WIDE },
  site_leaderboard_1200_dark: { page: "leaderboard.html", view: { ...WIDE, colors: "dark" } },
  site_leaderboard_400: { page: "leaderboard.html", view: PHONE, at: "#filters" },
  inspector_1200: { page: "inspector.html", view: WIDE },
  inspector_400: { page: "inspector.html", view: PHONE, at: "#controls" },
  inspector_400_dark: { page: "inspector.html", view: { ...PHONE, colors: "dark" }, at: "#controls" },
  site_notebook_1200: { page: "08_streaming.html", view: WIDE, at: "figure" },
  site_notebook_400: { page: "08_streaming.html", view: PHONE, at: "figure" },
};

const executable = await findChromium();
if (executable === undefined) throw new Error("Cannot take pictures as there is no Chromium on the PATH");
const folder = Deno.args[0] ?? "docs/images";
await Deno.mkdir(folder, { recursive: true });
await using page = await startChromium(executable);
for (const [name, { page: file, view, at = "body" }] of Object.entries(PICTURES)) {
  if (!name.includes(Deno.args[1] ?? "")) continue;
  await page.setView(view);
  await page.open(new URL(file, SITE).href);
  await page.waitUntil(`location.pathname.endsWith("/${file}") && document.readyState === "complete"`, file, 90_000);
  await page.evaluate(`document.querySelector("${at}").scrollIntoView()`);
  await page.waitUntil(
    `[...document.querySelectorAll(".chart")].every((chart) => {
      const { top, bottom } = chart.getBoundingClientRect();
      return bottom < 0 || top > innerHeight || "live" in chart.dataset;
    })`,
    "live charts",
    90_000,
  );
  await Deno.writeFile(`${folder}/${name}.png`, await page.screenshot());
}
