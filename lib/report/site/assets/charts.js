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

/** The window's width below which charts are laid out for a phone, as in site.css. */
const NARROW = matchMedia("(max-width: 44.99rem)");

/** The least width of a chart that names policies at its side, and of others, in pixels. */
const LEAST = { nominal: 480, others: 320 };

/**
 * The chart for a narrow window: as wide as its box where the specification leaves that open, its legend below it, its
 * title in the caption. Letters keep their size; what is still too wide scrolls in its box.
 */
function narrowed(specification, width) {
  const { title: _, config, ...rest } = specification;
  const isFixed = typeof rest.width === "object" || "facet" in rest;
  const least = rest.encoding?.y?.type === "nominal" ? LEAST.nominal : LEAST.others;
  const layout = isFixed ? {} : { width: Math.max(width, least), autosize: { type: "fit-x", contains: "padding" } };
  const legend = { ...config.legend, orient: "bottom", direction: "vertical", columns: 1 };
  return { ...rest, ...layout, config: { ...config, legend } };
}

async function embed(chart) {
  const whole = JSON.parse(chart.closest("figure").querySelector("script").textContent);
  const specification = NARROW.matches ? narrowed(whole, chart.parentElement.clientWidth - 52) : whole;
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
