"""One self-contained page of HTML: headings, sentences, tables and charts, for light, dark and paper."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape

from .charts import Chart

_STYLE = """
:root { color-scheme: light dark; --paper: #fdfdfc; --ink: #1d2126; --muted: #6b727b; --grid: #e6e7e5; --edge: #d5d7d4;
  --blue: #2f6fb3; --orange: #c8681c; --green: #3d8a4f; --red: #bd3b45; --violet: #7a57a8; --teal: #16807f; }
@media (prefers-color-scheme: dark) { :root { --paper: #15181b; --ink: #e4e6e8; --muted: #99a1aa; --grid: #2a2f34;
  --edge: #3a4047; --blue: #74aee8; --orange: #eb9a55; --green: #7cc48b; --red: #ec7f86; --violet: #b796e2;
  --teal: #62c2bf; } }
@media print { :root { --paper: #fff; --ink: #000; --muted: #555; --grid: #ddd; --edge: #bbb; --blue: #1f5c9e;
  --orange: #b1560f; --green: #2a7440; --red: #a82934; --violet: #63408f; --teal: #0a6a69; }
  figure, tr { break-inside: avoid; } h2 { break-after: avoid; } main { max-width: none; padding: 0; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 40px 28px 64px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 4px; font-weight: 650; letter-spacing: -0.01em; }
h2 { font-size: 19px; margin: 44px 0 6px; padding-top: 14px; border-top: 1px solid var(--edge); font-weight: 650; }
p { margin: 6px 0; max-width: 78ch; } .lead, .small { color: var(--muted); } .small { font-size: 14px; }
ul { margin: 6px 0; padding-left: 20px; max-width: 78ch; } li { margin: 4px 0; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 430px), 1fr)); gap: 20px 28px;
  margin-top: 14px; }
.thirds { grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); }
.charts > figure { max-width: 640px; }
figure { margin: 0; } figcaption { color: var(--muted); font-size: 14px; margin: 2px 0 0 4px; }
.wide { overflow-x: auto; margin-top: 12px; }
table { border-collapse: collapse; font-size: 15px; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; color: var(--muted); font-size: 13px; border-bottom: 1px solid var(--edge); }
th, td { padding: 5px 22px 5px 0; vertical-align: baseline; }
td { border-bottom: 1px solid var(--grid); } td.number, th.number { text-align: right; white-space: pre; }
svg.chart { display: block; width: 100%; height: auto; overflow: visible; }
svg.chart text { font: 11px system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; fill: var(--muted);
  stroke: none; font-variant-numeric: tabular-nums; }
svg.chart .title { font-size: 13.5px; font-weight: 600; fill: var(--ink); } svg.chart .label { font-size: 12px; }
svg.chart .key { fill: var(--ink); } svg.chart .middle { text-anchor: middle; } svg.chart .end { text-anchor: end; }
svg.chart .grid { stroke: var(--grid); stroke-width: 1; fill: none; }
svg.chart .axis { stroke: var(--muted); stroke-width: 1; fill: none; }
svg.chart .line { fill: none; stroke: var(--c); stroke-linejoin: round; stroke-linecap: round; }
svg.chart .rule { stroke: var(--c); stroke-width: 1; stroke-dasharray: 2 3; }
svg.chart .band { fill: var(--c); fill-opacity: 0.18; stroke: none; }
svg.chart .points > * { stroke: var(--c); stroke-width: 1.1; fill: var(--c); } svg.chart .points .bar { fill: none; }
svg.chart .hollow > * { fill: none; } svg.chart text.word { fill: var(--c); }
.blue { --c: var(--blue); } .orange { --c: var(--orange); } .green { --c: var(--green); } .red { --c: var(--red); }
.violet { --c: var(--violet); } .teal { --c: var(--teal); } .ink { --c: var(--ink); } .muted { --c: var(--muted); }
@media print { .thirds { grid-template-columns: repeat(3, 1fr); gap: 8px 14px; }
  .charts:not(.thirds) { grid-template-columns: repeat(2, 1fr); } figcaption { font-size: 11px; }
  table { font-size: 11.5px; line-height: 1.3; } th, td { padding: 2px 14px 2px 0; } h2 { margin-top: 24px; } }
"""


_THIRD = 340.0  # pixels of a screen


@dataclass(frozen=True)
class Table:
    """Rows of text under column heads; columns named in `numbers` are set to the right."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: Sequence[int] = ()

    def html(self) -> str:
        """A `<table>`; every cell is text, whatever it holds."""

        def line(tag: str, cells: Sequence[str]) -> str:
            kinds = [' class="number"' if i in self.numbers else "" for i in range(len(cells))]
            return "".join(f"<{tag}{kind}>{escape(cell)}</{tag}>" for kind, cell in zip(kinds, cells, strict=True))

        rows = "".join(f"<tr>{line('td', row)}</tr>\n" for row in self.rows)
        head = f"<thead><tr>{line('th', self.head)}</tr></thead>"
        return f'<div class="wide"><table>{head}\n<tbody>{rows}</tbody></table></div>'


@dataclass(frozen=True)
class Figure:
    """A chart with what there is to say about it."""

    chart: Chart
    caption: str = ""

    def smaller(self) -> "Figure":
        """With a chart for a third of a page's width."""
        return replace(self, chart=replace(self.chart, width=_THIRD, height=_THIRD * 0.75))

    def html(self) -> str:
        """A `<figure>`."""
        caption = f"<figcaption>{escape(self.caption)}</figcaption>" if self.caption else ""
        return f"<figure>{self.chart.svg()}{caption}</figure>"


@dataclass(frozen=True)
class Section:
    """A heading, sentences, a list, tables and figures, in this order; figures side by side where there is room.

    `small` figures are three abreast on a page.
    """

    title: str
    sentences: Sequence[str] = ()
    items: Sequence[str] = ()
    tables: Sequence[Table] = ()
    figures: Sequence[Figure] = ()
    small: bool = False

    def html(self) -> str:
        """A `<section>`."""
        parts = [f"<section><h2>{escape(self.title)}</h2>"]
        parts += [f"<p>{escape(sentence)}</p>" for sentence in self.sentences]
        if self.items:
            parts.append("<ul>" + "".join(f"<li>{escape(item)}</li>" for item in self.items) + "</ul>")
        parts += [table.html() for table in self.tables]
        if self.figures:
            figures = [figure.smaller() if self.small else figure for figure in self.figures]
            kind = "charts thirds" if self.small else "charts"
            parts.append(f'<div class="{kind}">' + "\n".join(figure.html() for figure in figures) + "</div>")
        return "\n".join([*parts, "</section>"])


def page(title: str, lead: Sequence[str], sections: Sequence[Section], foot: Sequence[str] = ()) -> str:
    """A whole page that asks nothing of a network.

    Args:
        title: of the page.
        lead: sentences under it.
        sections: in order.
        foot: small print at the end.
    """
    head = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
    )
    body = [
        f"<body><main><h1>{escape(title)}</h1>",
        *(f'<p class="lead">{escape(sentence)}</p>' for sentence in lead),
        *(section.html() for section in sections),
        *(f'<p class="small">{escape(sentence)}</p>' for sentence in foot),
        "</main></body></html>",
    ]
    return "\n".join([head, *body, ""])
