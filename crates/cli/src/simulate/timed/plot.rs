//! A plot of the series over time, as SVG: pods that wait and run, and the share of resources that is requested.
//!
//! Written by hand: two panels of lines need no library and no fonts. Every line has its name in the legend and its own
//! dashes, so that colour is never the only carrier.

use std::fmt::Write;

use berth_cluster::report::{Point, TimedSimulationResult};

use super::table::span;
use crate::human;

const WIDTH: f64 = 760.0;
const PANEL: f64 = 220.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 36.0;
const GAP: f64 = 64.0;
/// Colours that differ in lightness too (after Okabe and Ito), with their dashes.
const STYLES: [(&str, &str); 4] =
    [("#0072b2", ""), ("#d55e00", "6 3"), ("#009e73", "2 3"), ("#444444", "8 3 2 3")];

/// A line of a panel: its name and its values.
type Series = (String, Vec<f64>);

/// The figure.
pub(super) fn render(result: &TimedSimulationResult) -> String {
    let points = &result.series;
    let count = |of: fn(&Point) -> u64| points.iter().map(|point| of(point) as f64).collect();
    let pods: Vec<Series> = vec![
        ("running".to_owned(), count(|point| point.running)),
        ("pending".to_owned(), count(|point| point.pending)),
    ];
    let names = result.resources.iter().map(|resource| &resource.name).filter(|name| *name != "pods");
    let used: Vec<Series> = human::resources(names, STYLES.len())
        .into_iter()
        .map(|name| (human::short(name).to_owned(), points.iter().map(|point| share(point, name)).collect()))
        .collect();
    let height = TOP + 2.0 * PANEL + 2.0 * GAP;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    panel(&mut out, TOP, "pods", &pods, result);
    panel(&mut out, TOP + PANEL + GAP, "requested, percent", &used, result);
    out.push_str("</svg>\n");
    out
}

fn share(point: &Point, resource: &str) -> f64 {
    let amount = |text: Option<&String>| text.map_or(0.0, |text| human::amount(text));
    let allocatable = amount(point.allocatable.get(resource));
    if allocatable > 0.0 { 100.0 * amount(point.requested.get(resource)) / allocatable } else { 0.0 }
}

fn panel(out: &mut String, top: f64, title: &str, series: &[Series], result: &TimedSimulationResult) {
    let highest = series.iter().flat_map(|(_, values)| values).copied().fold(1.0, f64::max);
    let highest = round_up(highest);
    let (right, bottom) = (WIDTH - RIGHT, top + PANEL);
    let duration = result.duration_seconds.max(1.0);
    let x = |seconds: f64| LEFT + (right - LEFT) * seconds / duration;
    let y = |value: f64| bottom - PANEL * value / highest;
    // Writing to a string cannot fail.
    let _ = writeln!(out, "<text x=\"{LEFT}\" y=\"{:.0}\" font-weight=\"bold\">{title}</text>", top - 12.0);
    for step in 0..=4 {
        let value = highest * f64::from(step) / 4.0;
        let at = y(value);
        let _ = writeln!(
            out,
            "<line x1=\"{LEFT}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#dddddd\"/>\n<text x=\"{:.0}\" \
             y=\"{:.1}\" text-anchor=\"end\">{value}</text>",
            LEFT - 8.0,
            at + 4.0
        );
        let seconds = duration * f64::from(step) / 4.0;
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>",
            x(seconds),
            bottom + 18.0,
            span(seconds)
        );
    }
    for (at, (name, values)) in series.iter().enumerate() {
        let (colour, dashes) = STYLES[at % STYLES.len()];
        let mut path = String::new();
        for (point, value) in result.series.iter().zip(values) {
            let _ = write!(path, "{:.1},{:.1} ", x(point.at_seconds), y(*value));
        }
        let line =
            format!("fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dashes}\"");
        let _ = writeln!(out, "<polyline points=\"{}\" {line}/>", path.trim_end());
        let (from, height) = (right + 16.0, top + 10.0 + 20.0 * at as f64);
        let _ = writeln!(
            out,
            "<polyline points=\"{from},{height} {},{height}\" {line}/>\n<text x=\"{}\" y=\"{}\">{}</text>",
            from + 28.0,
            from + 36.0,
            height + 4.0,
            escape(name)
        );
    }
}

/// The next number of the form 1, 2, 4 or 10 times a power of ten.
fn round_up(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 4.0, 10.0];
    steps.into_iter().map(|step| step * power).find(|round| *round >= value).unwrap_or(value)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_round_number() {
        for (value, expected) in [(1.0, 1.0), (1.5, 2.0), (37.0, 40.0), (100.0, 100.0), (401.0, 1_000.0)] {
            assert_eq!(round_up(value), expected);
        }
    }
}
