// Puts a live chart in the place of each picture once it comes into view; the picture stays where that fails.
"use strict";

/** Charts bring their data with them: nothing is loaded, and no link is followed. */
const loader = Object.assign(vega.loader(), {
  load: () => Promise.reject(new Error("Cannot load data as a chart of this site brings its own")),
  sanitize: () => Promise.reject(new Error("Cannot follow a link as a chart of this site has none")),
});

const OPTIONS = {
  // The interpreter instead of code made from texts: the page allows none.
  ast: true,
  renderer: "svg",
  loader,
  actions: { export: true, source: false, compiled: false, editor: false },
  config: { mark: { tooltip: true } },
};

async function embed(chart) {
  const specification = JSON.parse(chart.closest("figure").querySelector("script").textContent);
  const live = document.createElement("div");
  live.setAttribute("aria-hidden", "true");
  live.style.position = "absolute";
  live.style.visibility = "hidden";
  chart.append(live);
  await vegaEmbed(live, specification, OPTIONS);
  chart.querySelector("img").remove();
  live.removeAttribute("style");
  live.removeAttribute("aria-hidden");
  chart.dataset.live = "";
}

const observer = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    observer.unobserve(target);
    embed(target);
  }
}, { rootMargin: "600px" });
for (const chart of document.querySelectorAll(".chart")) observer.observe(chart);
