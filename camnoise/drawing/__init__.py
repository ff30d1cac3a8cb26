"""Charts as SVG and pages as HTML, for reports: no network, no dependency, light and dark."""
