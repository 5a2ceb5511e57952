"""The CSS of both reports, for narrow and wide screens, light and dark."""

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f6f6f3; --card: #fff; --ink: #1f2328; --soft: #656d76; --line: #dfe1e0; --track: #eceeec;
  --read: #8a94a0; --kept: #2f6fdb; --cut: #e08a1e; --lost: #c9453b;
  --class-0: #2f6fdb; --class-1: #1d9a83; --class-2: #e08a1e; --class-3: #9457c9;
  --class-4: #c9453b; --class-5: #6b7f2a; --class-6: #d1568f; --class-7: #4a5a6a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171a; --card: #1c2024; --ink: #e6e9ec; --soft: #9aa4ae; --line: #30363c; --track: #2a2f35;
    --read: #77818c; --kept: #5b93f0; --cut: #eda145; --lost: #e56f66; --class-0: #5b93f0; --class-1: #3dbda4;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; padding: 1.25rem 1rem 3rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
main { max-width: 60rem; margin: 0 auto; }
h1 { font-size: 1.5rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.05rem; margin: 0 0 .75rem; }
p { margin: 0 0 .75rem; }
section > p:last-child { margin: .75rem 0 0; }
.soft { color: var(--soft); }
section, .figures > div, details {
  background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem;
}
section, details { margin: .75rem 0 0; }
summary { cursor: pointer; font-weight: 600; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .75rem; margin-top: 1rem; }
.figures b { display: block; font-size: 1.45rem; line-height: 1.25; font-variant-numeric: tabular-nums; }
.figures > div { padding: .7rem .9rem; }
.figures span { color: var(--soft); font-size: .85rem; }
.pair { display: grid; gap: 0 .75rem; }
.pair > * { min-width: 0; }
@media (min-width: 52rem) { .pair { grid-template-columns: 1fr 1fr; align-items: stretch; } }
svg { display: block; width: 100%; height: auto; max-width: 34rem; margin: 0 auto; }
svg text { fill: var(--ink); font: 11px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
svg .strong { font-weight: 600; }
svg .soft { fill: var(--soft); font-size: 10px; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .mark { stroke: var(--ink); stroke-width: 1; stroke-dasharray: 3 3; }
svg .ribbon { opacity: .28; }
svg .line { fill: none; stroke-width: 1.6; stroke-linejoin: round; }
svg .stroke-0 { stroke: var(--class-0); } svg .stroke-1 { stroke: var(--class-1); }
svg .stroke-2 { stroke: var(--class-2); } svg .stroke-3 { stroke: var(--class-3); }
svg .dot-0 { fill: var(--class-0); } svg .dot-1 { fill: var(--class-1); }
svg .dot-2 { fill: var(--class-2); } svg .dot-3 { fill: var(--class-3); }
.fill-read { fill: var(--read); } .fill-kept { fill: var(--kept); }
.fill-cut { fill: var(--cut); } .fill-lost { fill: var(--lost); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; color: var(--soft); font-size: .85rem; white-space: nowrap; }
th, td { padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child td { border-bottom: 0; }
td:last-child, th:last-child { padding-right: 0; }
.number { text-align: right; white-space: nowrap; }
td.word { overflow-wrap: anywhere; min-width: 3rem; }
.cell { display: block; padding: .1rem .4rem; border-radius: .25rem; }
.track { display: flex; height: 1rem; background: var(--track); border-radius: .25rem; overflow: hidden; gap: 1px; }
.track i { display: block; min-width: 2px; }
.bar { margin-bottom: .7rem; }
.bar div:first-child { display: flex; justify-content: space-between; gap: 1rem; }
.bar div:first-child span:last-child { white-space: nowrap; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1rem; margin-bottom: .75rem; font-size: .9rem; }
.legend i { display: inline-block; width: .75rem; height: .75rem; border-radius: .2rem; margin-right: .35rem; }
.row { border-bottom: 1px solid var(--line); padding: .6rem 0; }
.row:last-child { border-bottom: 0; padding-bottom: 0; }
.row p { margin: .15rem 0 0; overflow-wrap: anywhere; }
.tag {
  display: inline-block; border: 1px solid var(--line); border-radius: 1rem; padding: 0 .55rem;
  font-size: .8rem; margin-right: .35rem; color: var(--soft);
}
.tag.cut { color: var(--cut); border-color: var(--cut); }
"""
