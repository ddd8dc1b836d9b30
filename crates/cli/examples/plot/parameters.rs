//! The left panel: seconds a step against parameters.

use crate::Measured;
use crate::canvas::{Axis, Canvas, GREY, Hold, INK, Mark, Panel, Style, count};

/// Lengths of windows that are shown, with their colours.
const WINDOWS: [(u64, &str); 2] = [(16, "#0072b2"), (64, "#009e73")];
const MEASURED: &str = "#d55e00";
const REPORTED: &str = "#a3468c";

/// Another system.
struct Peer {
    parameters: f64,
    /// Seconds a step: one value, or both ends of what is reported.
    seconds: (f64, f64),
    mark: Mark,
    colour: &'static str,
    label: [&'static str; 2],
    /// Where the label is held, and how far from the mark.
    hold: Hold,
    offset: (f64, f64),
}

/// What else can be found. The first two were run on a virtual machine with two AMD Zen 4 cores, and their CPU time is shown; the
/// others are what their authors report, on their own hardware, and were not checked.
const PEERS: [Peer; 5] = [
    Peer {
        parameters: 512.0,
        seconds: (1.75, 1.75),
        mark: Mark::Square,
        colour: MEASURED,
        label: ["zkpot, logistic regression", "8,192 x 512: 1.75 CPU s"],
        hold: Hold::Left,
        offset: (12.0, -3.0),
    },
    Peer {
        parameters: 57_500.0,
        seconds: (376.0, 376.0),
        mark: Mark::Square,
        colour: MEASURED,
        label: ["Kaizen, LeNet, batch 1", "376 CPU s"],
        hold: Hold::Right,
        offset: (-12.0, -3.0),
    },
    Peer {
        parameters: 1e7,
        seconds: (900.0, 1320.0),
        mark: Mark::OpenSquare,
        colour: REPORTED,
        label: ["Kaizen, VGG-11, batch 16", "15 to 22 min"],
        hold: Hold::Right,
        offset: (-12.0, -3.0),
    },
    Peer {
        parameters: 1e7,
        seconds: (1.0, 1.0),
        mark: Mark::Bound,
        colour: REPORTED,
        label: ["zkDL paper v2, 8 layers,", "data-centre GPU: < 1 s"],
        hold: Hold::Right,
        offset: (-12.0, -14.0),
    },
    Peer {
        parameters: 2e8,
        seconds: (60.0, 60.0),
        mark: Mark::Bound,
        colour: REPORTED,
        label: ["zkDL paper v1, 16 layers", "< 1 min"],
        hold: Hold::Right,
        offset: (-14.0, -3.0),
    },
];

/// Draws the panel.
pub(crate) fn draw(canvas: &mut Canvas, measured: &[Measured]) {
    let ours: Vec<&Measured> = measured.iter().filter(|m| m.workload != "custom").collect();
    let parameters = PEERS.iter().map(|peer| peer.parameters);
    let seconds = PEERS.iter().flat_map(|peer| [peer.seconds.0, peer.seconds.1]);
    let panel = Panel {
        frame: (92.0, 56.0, 712.0, 508.0),
        x: Axis::decades(parameters.chain(ours.iter().map(|m| m.parameters as f64))).with_room(),
        y: Axis::decades(seconds.chain(ours.iter().map(|m| m.prove_s_per_step)).chain([0.01])),
    };
    panel.draw(canvas, "Proving, seconds a step", ("parameters", "seconds a step"), count);
    for peer in &PEERS {
        draw_peer(canvas, &panel, peer);
    }
    for (steps, colour) in WINDOWS {
        let mut series: Vec<&Measured> = ours.iter().copied().filter(|m| m.steps == steps).collect();
        series.sort_by_key(|m| m.parameters);
        let points: Vec<(f64, f64)> =
            series.iter().map(|m| panel.at(m.parameters as f64, m.prove_s_per_step)).collect();
        canvas.line(&points, colour, 2.0, "");
        for (m, point) in series.iter().zip(points) {
            canvas.mark(point, Mark::Disc, colour);
            if steps == WINDOWS[0].0 {
                let style = Style { size: 13.0, colour, hold: Hold::Right };
                canvas.text(point.0 - 11.0, point.1 - 10.0, style, &m.workload);
            }
        }
    }
    legend(canvas, &panel, &ours);
    notes(canvas);
}

fn draw_peer(canvas: &mut Canvas, panel: &Panel, peer: &Peer) {
    let [low, high] = [peer.seconds.0, peer.seconds.1].map(|seconds| panel.at(peer.parameters, seconds));
    if low != high {
        canvas.line(&[low, high], peer.colour, 2.0, "");
    }
    for point in [low, high] {
        canvas.mark(point, peer.mark, peer.colour);
    }
    let (x, y) = (low.0 + peer.offset.0, f64::midpoint(low.1, high.1) + peer.offset.1);
    for (text, down) in peer.label.iter().zip([0.0, 16.0]) {
        canvas.text(x, y + down, Style { size: 13.0, colour: peer.colour, hold: peer.hold }, text);
    }
}

fn legend(canvas: &mut Canvas, panel: &Panel, ours: &[&Measured]) {
    let mut lines: Vec<(Mark, &str, String)> = Vec::new();
    for (steps, colour) in WINDOWS {
        if let Some(m) = ours.iter().find(|m| m.steps == steps) {
            lines.push((Mark::Disc, colour, format!("zkdl, {steps} steps a proof, {} threads", m.threads)));
        }
    }
    lines.push((Mark::Square, MEASURED, "others, measured".to_owned()));
    lines.push((Mark::OpenSquare, REPORTED, "others, reported, not checked".to_owned()));
    let (_, _, right, bottom) = panel.frame;
    let top = bottom - 21.0 * lines.len() as f64;
    for ((mark, colour, text), line) in lines.iter().zip(0..) {
        let y = top + 21.0 * f64::from(line);
        canvas.mark((right - 236.0, y), *mark, colour);
        canvas.text(right - 222.0, y + 5.0, Style { size: 14.0, colour: INK, hold: Hold::Left }, text);
    }
}

fn notes(canvas: &mut Canvas) {
    let style = Style { size: 12.5, colour: GREY, hold: Hold::Left };
    let lines = [
        "zkdl: wall time of executing, committing, proving and writing a window in mid-run. Others measured: CPU time on",
        "two AMD Zen 4 cores. Reported: by the systems' authors on their own hardware; a triangle is an upper bound. Networks differ.",
    ];
    for (text, y) in lines.into_iter().zip([584.0, 602.0]) {
        canvas.text(28.0, y, style, text);
    }
}
