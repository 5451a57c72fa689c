//! A figure of line plots with logarithmic axes, as SVG.
//!
//! Written by hand: two panels of lines need no library, no fonts and no build dependencies. Every line has its own
//! marker and its name in the legend, so that colour is never the only carrier.

use std::fmt::Write as _;

/// A line.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// Its name.
    pub label: String,
    /// Its points; those that are not positive have no place on logarithmic axes and are left out.
    pub points: Vec<(f64, f64)>,
}

/// A plot.
#[derive(Clone, Debug, Default)]
pub struct Panel {
    /// Its title.
    pub title: String,
    /// The unit of its vertical axis.
    pub unit: String,
    /// Its lines.
    pub series: Vec<Series>,
}

const PANEL_WIDTH: f64 = 460.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 36.0;
const BOTTOM: f64 = 48.0;
const LEGEND_LINE: f64 = 18.0;

/// Colours that differ in lightness too (after Okabe and Ito), and the shapes of markers.
const STYLES: [(&str, Marker); 6] = [
    ("#0072b2", Marker::Circle),
    ("#d55e00", Marker::Square),
    ("#009e73", Marker::Triangle),
    ("#cc79a7", Marker::Diamond),
    ("#e69f00", Marker::Cross),
    ("#444444", Marker::Ring),
];

#[derive(Clone, Copy)]
enum Marker {
    Circle,
    Square,
    Triangle,
    Diamond,
    Cross,
    Ring,
}

impl Marker {
    fn svg(self, x: f64, y: f64, colour: &str) -> String {
        let path = |d: String, fill: &str| {
            format!("<path d=\"{d}\" fill=\"{fill}\" stroke=\"{colour}\" stroke-width=\"1.5\"/>\n")
        };
        match self {
            Marker::Circle => format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"/>\n"),
            Marker::Ring => format!(
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"#fff\" stroke=\"{colour}\" stroke-width=\"1.5\"/>\n"
            ),
            Marker::Square => path(format!("M{:.1} {:.1}h7v7h-7z", x - 3.5, y - 3.5), colour),
            Marker::Triangle => path(format!("M{x:.1} {:.1}l4 7h-8z", y - 4.0), colour),
            Marker::Diamond => path(format!("M{x:.1} {:.1}l4 4.5l-4 4.5l-4 -4.5z", y - 4.5), colour),
            Marker::Cross => path(format!("M{:.1} {:.1}l7 7m0 -7l-7 7", x - 3.5, y - 3.5), "none"),
        }
    }
}

/// A range of powers of ten.
struct Axis {
    low: f64,
    high: f64,
}

impl Axis {
    /// The whole powers of ten around the values.
    fn over(values: impl Iterator<Item = f64>) -> Axis {
        let logs = values.filter(|v| *v > 0.0).map(f64::log10);
        let (low, high) = logs.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
        if low > high {
            return Axis { low: 0.0, high: 1.0 };
        }
        let low = low.floor();
        Axis { low, high: high.ceil().max(low + 1.0) }
    }

    /// Where a value stands, from 0 to 1.
    fn place(&self, value: f64) -> f64 {
        (value.log10() - self.low) / (self.high - self.low)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> + use<> {
        let (mut power, high) = (self.low, self.high);
        std::iter::from_fn(move || {
            (power <= high).then(|| {
                power += 1.0;
                10f64.powf(power - 1.0)
            })
        })
    }
}

/// Panels side by side over a common legend.
pub fn figure(panels: &[Panel]) -> String {
    let names = panels.first().map_or(&[][..], |panel| &panel.series);
    let width = PANEL_WIDTH * panels.len() as f64;
    let height = HEIGHT + LEGEND_LINE * names.len().div_ceil(3) as f64 + 8.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    for (at, panel) in panels.iter().enumerate() {
        draw(&mut out, panel, PANEL_WIDTH * at as f64);
    }
    for (at, series) in names.iter().enumerate() {
        let (colour, marker) = style(at);
        let x = LEFT + (at % 3) as f64 * (width - LEFT) / 3.0;
        let y = HEIGHT + LEGEND_LINE * (at / 3) as f64 + 8.0;
        out.push_str(&marker.svg(x, y, colour));
        text(&mut out, x + 10.0, y + 4.0, "start", &series.label);
    }
    out.push_str("</svg>\n");
    out
}

fn style(at: usize) -> (&'static str, Marker) {
    STYLES[at % STYLES.len()]
}

fn text(out: &mut String, x: f64, y: f64, anchor: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>"); // a string takes all
}

fn line(out: &mut String, from: (f64, f64), to: (f64, f64)) {
    let ((x1, y1), (x2, y2)) = (from, to);
    let _ =
        writeln!(out, "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"#ddd\"/>");
}

fn draw(out: &mut String, panel: &Panel, left: f64) {
    let points = || panel.series.iter().flat_map(|s| s.points.iter().copied());
    let horizontal = Axis::over(points().map(|(x, _)| x));
    let vertical = Axis::over(points().map(|(_, y)| y));
    let (inner_width, inner_height) = (PANEL_WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
    let x_of = |value: f64| left + LEFT + horizontal.place(value) * inner_width;
    let y_of = |value: f64| TOP + (1.0 - vertical.place(value)) * inner_height;
    let (bottom, start) = (TOP + inner_height, left + LEFT);
    for tick in horizontal.ticks() {
        line(out, (x_of(tick), TOP), (x_of(tick), bottom));
        text(out, x_of(tick), bottom + 16.0, "middle", &short(tick));
    }
    for tick in vertical.ticks() {
        line(out, (start, y_of(tick)), (start + inner_width, y_of(tick)));
        text(out, start - 6.0, y_of(tick) + 4.0, "end", &short(tick));
    }
    text(out, start, TOP - 14.0, "start", &format!("{}, {}", panel.title, panel.unit));
    text(out, start + inner_width / 2.0, bottom + 34.0, "middle", "nodes");
    for (at, series) in panel.series.iter().enumerate() {
        let (colour, marker) = style(at);
        let placed: Vec<(f64, f64)> = series
            .points
            .iter()
            .filter(|(x, y)| *x > 0.0 && *y > 0.0)
            .map(|&(x, y)| (x_of(x), y_of(y)))
            .collect();
        let path: Vec<String> = placed.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>",
            path.join(" ")
        );
        for (x, y) in placed {
            out.push_str(&marker.svg(x, y, colour));
        }
    }
}

/// `0.1`, `100`, `10k`, `1M`.
fn short(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("{:.0}M", v / 1e6),
        v if v >= 1e3 => format!("{:.0}k", v / 1e3),
        v if v >= 1.0 => format!("{v:.0}"),
        v => format!("{v}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_powers_of_ten() {
        let axis = Axis::over([1000.0, 250_000.0, 0.0].into_iter());
        assert_eq!((axis.low, axis.high), (3.0, 6.0));
        assert_eq!(axis.ticks().map(short).collect::<Vec<_>>(), ["1k", "10k", "100k", "1M"]);
        assert!((axis.place(1000.0)).abs() < 1e-9 && (axis.place(1e6) - 1.0).abs() < 1e-9);
        let empty = Axis::over(std::iter::empty());
        assert_eq!((empty.low, empty.high), (0.0, 1.0));
    }

    #[test]
    fn every_line_has_its_points_and_its_name() {
        let series = |label: &str, y: f64| Series {
            label: label.into(),
            points: vec![(1000.0, y), (10_000.0, y * 2.0), (100_000.0, 0.0)],
        };
        let panel = Panel {
            title: "Time".into(),
            unit: "us".into(),
            series: vec![series("a<b", 1.0), series("c", 5.0)],
        };
        let svg = figure(&[panel.clone(), panel]);
        assert_eq!(svg.matches("<polyline").count(), 4);
        assert_eq!(svg.matches(">a&lt;b<").count(), 1);
        assert_eq!(svg.matches("<circle").count(), 5, "two points in each panel, and the legend");
        assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
    }
}
