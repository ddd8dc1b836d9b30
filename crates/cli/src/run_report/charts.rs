//! Charts as inline SVG.

use maud::{Markup, html};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 34.0;

/// A curve over epochs, numbered from 1. `label` writes a value of the vertical axis.
pub(super) fn curve(title: &str, points: &[(u64, f64)], top: Option<f64>, label: &dyn Fn(f64) -> String) -> Markup {
    let last = points.last().map_or(1, |(epoch, _)| *epoch).max(1);
    let highest = top.unwrap_or_else(|| points.iter().map(|(_, y)| *y).fold(0.0, f64::max) * 1.05).max(1e-9);
    let x = |epoch: u64| LEFT + (WIDTH - LEFT - RIGHT) * (epoch as f64 - 1.0) / (last as f64 - 1.0).max(1.0);
    let y = |value: f64| HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value / highest).clamp(0.0, 1.0);
    let path: Vec<String> = points.iter().map(|(epoch, value)| format!("{:.1},{:.1}", x(*epoch), y(*value))).collect();
    let ends = points.first().into_iter().chain(points.last().filter(|_| points.len() > 1));
    html! {
        figure {
            figcaption { (title) }
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(title) {
                @for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
                    @let at = y(highest * share);
                    line class="grid" x1=(LEFT) x2=(WIDTH - RIGHT) y1=(at) y2=(at) {}
                    text x=(LEFT - 8.0) y=(at + 4.0) text-anchor="end" { (label(highest * share)) }
                }
                polyline class="curve" points=(path.join(" ")) {}
                @for (epoch, value) in points {
                    circle class="dot" cx=(x(*epoch)) cy=(y(*value)) r="3" { title { "epoch " (epoch) ": " (label(*value)) } }
                }
                @for (epoch, _) in ends {
                    text x=(x(*epoch)) y=(HEIGHT - BOTTOM + 18.0) text-anchor="middle" { (epoch) }
                }
                text x=((LEFT + WIDTH - RIGHT) / 2.0) y=(HEIGHT - 4.0) text-anchor="middle" { "epoch" }
            }
        }
    }
}

/// Bars with their values, the longest as long as the chart is wide.
pub(super) fn bars(title: &str, parts: &[(String, f64)], label: &dyn Fn(f64) -> String) -> Markup {
    const ROW: f64 = 26.0;
    const NAMES: f64 = 250.0;
    const VALUES: f64 = 80.0;
    let largest = parts.iter().map(|(_, value)| *value).fold(1e-12, f64::max);
    let height = ROW * parts.len() as f64 + 4.0;
    html! {
        figure {
            figcaption { (title) }
            svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label=(title) {
                @for (row, (name, value)) in parts.iter().enumerate() {
                    @let at = ROW * row as f64;
                    @let length = ((WIDTH - NAMES - VALUES) * value / largest).max(1.0);
                    text x="0" y=(at + 18.0) { (name) }
                    rect class="bar" x=(NAMES) y=(at + 4.0) width=(format!("{length:.1}")) height=(ROW - 8.0) rx="3" {}
                    text x=(NAMES + length + 8.0) y=(at + 18.0) { (label(*value)) }
                }
            }
        }
    }
}

/// The chain of windows along the steps of the run: what is proven, and what is missing between.
pub(super) fn chain(stretches: &[(u64, u64)], borders: &[u64], all: u64) -> Markup {
    let x = |step: u64| WIDTH * step as f64 / all.max(1) as f64;
    html! {
        figure {
            figcaption { "Steps that are proven" }
            svg viewBox=(format!("0 0 {WIDTH} 58")) role="img" aria-label="Steps that are proven" {
                rect class="gap" x="0" y="6" width=(WIDTH) height="26" rx="4" {}
                @for (first, end) in stretches {
                    rect class="bar" x=(format!("{:.1}", x(*first))) y="6" width=(format!("{:.1}", x(*end) - x(*first))) height="26" rx="4" {}
                }
                @for border in borders {
                    line class="border" x1=(format!("{:.1}", x(*border))) x2=(format!("{:.1}", x(*border))) y1="6" y2="32" {}
                }
                text x="0" y="52" { "step 0" }
                text x=(WIDTH) y="52" text-anchor="end" { (all) }
            }
        }
    }
}
