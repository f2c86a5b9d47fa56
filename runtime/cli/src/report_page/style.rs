//! How the page looks: on light and on dark, on wide and on narrow screens.

pub const STYLE: &str = r#"
:root { color-scheme: light dark; --paper: #ffffff; --text: #1f2328; --quiet: #59636e;
  --rule: #d1d9e0; --panel: #f6f8fa; --accent: #0969da; --wash: #0969da26; --bad: #cf222e; }
@media (prefers-color-scheme: dark) { :root { --paper: #0d1117; --text: #e6edf3;
  --quiet: #9198a1; --rule: #3d444d; --panel: #151b23; --accent: #4493f8; --wash: #4493f833;
  --bad: #ff7b72; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--text);
  font: 15px/1.5 ui-sans-serif, system-ui, -apple-system, "Segoe UI", sans-serif; }
header, main, footer { max-width: 72rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; padding-top: 1rem; border-top: 1px solid var(--rule);
  overflow-wrap: anywhere; }
h3 { font-size: 1rem; margin: 1.75rem 0 .5rem; }
p { margin: .25rem 0 .75rem; }
.quiet, figcaption, caption { color: var(--quiet); }
.bad { color: var(--bad); }
dl.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(7.6rem, 1fr)); gap: .6rem;
  margin: 1.25rem 0; }
dl.figures div { background: var(--panel); border: 1px solid var(--rule); border-radius: 8px;
  padding: .55rem .8rem; display: flex; flex-direction: column-reverse; justify-content: flex-end; }
dl.figures dt { color: var(--quiet); font-size: .82rem; }
dl.figures dd { margin: 0; font-size: 1.3rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; margin: .5rem 0 1rem; }
.scroll:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.picture { border: 1px solid var(--rule); border-radius: 8px; padding: .5rem; }
.picture svg { display: block; margin: 0 auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
caption { text-align: left; padding-bottom: .3rem; font-size: .85rem; }
th, td { text-align: left; padding: .3rem 1rem .3rem 0; border-bottom: 1px solid var(--rule);
  vertical-align: top; }
thead th { color: var(--quiet); font-weight: 600; font-size: .82rem; white-space: nowrap; }
tbody th { font-weight: 600; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.share { display: block; height: 6px; min-width: 90px; background: var(--wash); border-radius: 3px;
  margin-top: .5rem; }
.share span { display: block; height: 6px; background: var(--accent); border-radius: 3px; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: .5rem 1.5rem; }
figure { margin: 0; }
figcaption { font-size: .9rem; }
figcaption b { color: var(--text); }
svg.chart { display: block; width: 100%; height: auto; }
svg.chart text { fill: var(--quiet); font-size: 12px; text-anchor: start; }
svg.chart text.left { text-anchor: end; }
svg.chart text.mid { text-anchor: middle; }
svg.chart .bar { fill: var(--accent); }
svg.chart .line { fill: none; stroke: var(--accent); stroke-width: 2; }
svg.chart .area { fill: var(--wash); stroke: none; }
svg.chart .grid { stroke: var(--rule); stroke-width: 1; stroke-dasharray: 2 4; }
svg.chart .base { stroke: var(--quiet); stroke-width: 1; }
pre { background: var(--panel); border: 1px solid var(--rule); border-radius: 8px; padding: .7rem .9rem;
  overflow-x: auto; font: 13px/1.5 ui-monospace, "SF Mono", Consolas, monospace; }
footer { padding-top: 2rem; padding-bottom: 3rem; }
@media (max-width: 40rem) { h1 { font-size: 1.35rem; } header, main, footer { padding-left: .8rem; padding-right: .8rem; } }
@media print { .scroll { overflow: visible; } }
"#;
