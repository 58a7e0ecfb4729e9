/** How strongly a token's ground is colored, and how long the line under it is, for each eighth of the kv heads. */
const LEVELS = [1, 2, 3, 4, 5, 6, 7, 8].map((eighths) =>
  `.k${eighths}{background:linear-gradient(var(--mark),var(--mark)) left bottom/${12.5 * eighths}% 2px no-repeat,` +
  `color-mix(in srgb,var(--mark) ${4 * eighths}%,var(--page))}`
).join("\n");

/** The style of the inspector's page: light and dark as the reader's system is, one column on a phone. */
export const PAGE_STYLE =
  `:root{color-scheme:light dark;--text:#1b1f24;--soft:#555d66;--page:#fff;--panel:#f4f6f8;--line:#c9d0d6;
--link:#00558a;--mark:#0072b2}
@media (prefers-color-scheme:dark){:root{--text:#e8ebee;--soft:#aeb7c0;--page:#14181c;--panel:#20262c;--line:#46505a;
--link:#7cc4f5;--mark:#7cc4f5}}
*{box-sizing:border-box}
html{font:100%/1.5 system-ui,"Segoe UI","Liberation Sans",Arial,sans-serif;color:var(--text);background:var(--page);
overflow-wrap:break-word}
body{margin:0 auto;max-width:96rem;padding:0 1rem}
nav{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;padding:.5rem 0;border-bottom:1px solid var(--line)}
nav a{padding:.35rem 0}
nav a[aria-current]{color:inherit;font-weight:bold}
a{color:var(--link)}
h1{font-size:1.6rem;line-height:1.25;margin:1.25rem 0 .5rem}
h2{font-size:1.25rem;margin:2rem 0 .5rem}
h3{font-size:1.05rem;margin:0;overflow-wrap:anywhere}
.lead,.help{max-width:50rem}
.facts,.help,.name,.ends,.legend{color:var(--soft);font-size:.95rem}
:focus-visible{outline:3px solid var(--mark);outline-offset:2px}
#controls{position:sticky;top:0;z-index:1;background:var(--page);border-bottom:1px solid var(--line);padding:.5rem 0}
#controls[hidden],.panel[hidden],.answer[hidden]{display:none}
#controls label{display:inline-flex;gap:.4rem;align-items:center;min-height:2.25rem;margin-right:1rem}
.moment{display:flex;flex-wrap:wrap;gap:0 1rem;align-items:center}
#moment{flex:1 1 6rem;min-width:6rem;max-width:30rem;min-height:2.25rem;accent-color:var(--mark)}
#moment-value{font-variant-numeric:tabular-nums;min-width:7.5rem}
#token{margin:.25rem 0 0;font-size:.95rem}
.panels{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,21rem),1fr));margin:1rem 0}
.panel{background:var(--panel);border-top:3px solid var(--mark);padding:.75rem;min-width:0}
.panel p{margin:.25rem 0}
.answer q{font-weight:bold}
.grid{display:none;grid-template-columns:auto repeat(var(--layers),minmax(0,14px));gap:2px;align-items:center;
margin:.4rem 0}
.live .grid{display:grid}
.held-by:empty{display:none}
.grid i{aspect-ratio:1;border:1px solid var(--line)}
.grid i.held{background:var(--mark);border-color:var(--mark)}
.grid i.unread{border-style:dotted}
.grid .name{font-size:.75rem;line-height:1.2;padding-right:.25rem;white-space:nowrap}
.grid .ends{display:flex;justify-content:space-between;grid-column:2/-1;font-size:.75rem}
.text{white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.75;background:var(--page);border:1px solid var(--line);
padding:.5rem;max-height:26rem;overflow-y:auto;position:relative}
.text span,.legend b{padding:1px 0 3px;margin-right:1px;border-radius:2px}
.legend b{font-weight:normal;color:var(--text);padding:1px .5rem 3px;margin-right:.5rem;white-space:nowrap}
.k0{text-decoration:line-through;color:var(--soft)!important}
.u{color:var(--soft);opacity:.75;font-style:italic}
${LEVELS}
.live .text{cursor:default}
.live .text span.now{outline:2px solid var(--text);outline-offset:0;position:relative}
.scroll{overflow-x:auto;max-width:100%;margin:.75rem 0}
table{border-collapse:collapse;font-size:.95rem}
th,td{padding:.35rem .6rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
td.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
th[scope=row]{font-weight:normal;white-space:nowrap}
td.said{min-width:14rem}
summary{cursor:pointer;padding:.25rem 0;color:var(--link)}
footer{margin:2.5rem 0 1rem;color:var(--soft);font-size:.9rem}
@media (max-width:44.99rem){.text{max-height:17rem}.lead,.legend{font-size:.95rem}
#token span+span{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.moment{gap:0 .5rem}#controls label{margin-right:.25rem}}
`;
