//! The right panel: seconds a step against the number of layers.

use crate::Measured;
use crate::canvas::{Axis, Canvas, GREY, Hold, INK, Mark, Panel, Style};

const TOTAL: &str = "#0072b2";
const PROVING: &str = "#56b4e9";

/// Widths that a sweep shares: features, hidden, classes; batch; steps.
type Family = (u32, u32, u32, u32, u64);

/// The family of a network whose hidden layers have one width, and its layers.
fn family(m: &Measured) -> Option<(Family, u32)> {
    let widths: Vec<u32> = m.network.split('-').map(str::parse).collect::<Result<_, _>>().ok()?;
    let [features, hidden @ .., classes] = widths.as_slice() else { return None };
    let width = *hidden.first()?;
    let uniform = hidden.iter().all(|w| *w == width);
    uniform.then_some(((*features, width, *classes, m.batch, m.steps), hidden.len() as u32 + 1))
}

/// The largest family of custom networks, by depth.
fn sweep(measured: &[Measured]) -> Option<(Family, Vec<(u32, &Measured)>)> {
    let of_family = |which: Family| {
        let custom = measured.iter().filter(|m| m.workload == "custom");
        let members = custom.filter_map(|m| family(m).filter(|(f, _)| *f == which).map(|(_, layers)| (layers, m)));
        let mut members: Vec<(u32, &Measured)> = members.collect();
        members.sort_by_key(|(layers, _)| *layers);
        (which, members)
    };
    let families = measured.iter().filter(|m| m.workload == "custom").filter_map(family).map(|(f, _)| of_family(f));
    families.max_by_key(|(_, members)| members.len())
}

/// Draws the panel.
pub(crate) fn draw(canvas: &mut Canvas, measured: &[Measured]) {
    let frame = (828.0, 56.0, 1212.0, 508.0);
    let (title, names) = ("The same against depth", ("layers", "seconds a step"));
    let label = |n: f64| n.to_string();
    let Some(((features, width, classes, batch, steps), members)) = sweep(measured) else {
        let panel = Panel { frame, x: Axis::doublings(16.0), y: Axis::decades([0.1, 1.0].into_iter()) };
        panel.draw(canvas, title, names, label);
        let style = Style { size: 14.0, colour: GREY, hold: Hold::Middle };
        canvas.text(1020.0, 280.0, style, "no custom networks in the file");
        return;
    };
    let without = |m: &Measured| m.prove_s_per_step - m.reexecution_s_per_step;
    let deepest = members.iter().map(|(layers, _)| f64::from(*layers)).fold(2.0, f64::max);
    let values = members.iter().flat_map(|(_, m)| [m.prove_s_per_step, without(m)]);
    let panel = Panel { frame, x: Axis::doublings(deepest), y: Axis::decades(values) };
    panel.draw(canvas, title, names, label);
    let series = |value: &dyn Fn(&Measured) -> f64| -> Vec<(f64, f64)> {
        members.iter().map(|(layers, m)| panel.at(f64::from(*layers), value(m))).collect()
    };
    let (total, proving) = (series(&|m| m.prove_s_per_step), series(&without));
    if let (Some((layers, m)), Some((last, _))) = (members.first(), members.last()) {
        let slope = m.prove_s_per_step / f64::from(*layers);
        let ends = [*layers, *last].map(|l| panel.at(f64::from(l), slope * f64::from(l)));
        canvas.line(&ends, GREY, 1.2, "5 4");
    }
    for (points, colour, mark) in [(&proving, PROVING, Mark::Ring), (&total, TOTAL, Mark::Disc)] {
        canvas.line(points, colour, 2.0, "");
        for point in points {
            canvas.mark(*point, mark, colour);
        }
    }
    legend(canvas);
    let text = format!("{features}-{width}-..-{width}-{classes}, batch {batch}, {steps} steps a proof");
    canvas.text(frame.0, 584.0, Style { size: 12.5, colour: GREY, hold: Hold::Left }, &text);
}

fn legend(canvas: &mut Canvas) {
    let (x, style) = (846.0, Style { size: 14.0, colour: INK, hold: Hold::Left });
    for (mark, colour, text, y) in
        [(Mark::Disc, TOTAL, "in all", 76.0), (Mark::Ring, PROVING, "without executing again", 97.0)]
    {
        canvas.mark((x, y), mark, colour);
        canvas.text(x + 16.0, y + 5.0, style, text);
    }
    canvas.line(&[(x - 8.0, 118.0), (x + 8.0, 118.0)], GREY, 1.2, "5 4");
    canvas.text(x + 16.0, 123.0, style, "proportional to depth");
}
