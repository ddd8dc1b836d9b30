//! SVG by hand: text, marks, lines, and panels with logarithmic axes.

use std::fmt::Write;

/// Text and frames.
pub(crate) const INK: &str = "#222222";
/// Notes and labels of little weight.
pub(crate) const GREY: &str = "#6b6b6b";
const GRID: &str = "#e4e4e4";

/// A drawing in progress.
pub(crate) struct Canvas {
    svg: String,
}

/// Where a text is held.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Hold {
    /// By its left end.
    Left,
    /// By its middle.
    Middle,
    /// By its right end.
    Right,
}

/// How a text looks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub(crate) size: f64,
    pub(crate) colour: &'static str,
    pub(crate) hold: Hold,
}

/// What marks a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Mark {
    /// A filled disc.
    Disc,
    /// A ring.
    Ring,
    /// A filled square.
    Square,
    /// An open square.
    OpenSquare,
    /// An open triangle that points down: an upper bound.
    Bound,
}

impl Canvas {
    /// A white sheet.
    pub(crate) fn new(width: f64, height: f64) -> Self {
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
             font-family=\"Helvetica, Arial, 'Liberation Sans', sans-serif\">\n\
             <title>Seconds a step of proving, by parameters and by depth</title>\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
        );
        Self { svg }
    }

    /// The file.
    pub(crate) fn finish(mut self) -> String {
        self.svg.push_str("</svg>\n");
        self.svg
    }

    fn push(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.svg.write_fmt(element);
    }

    /// A line of text.
    pub(crate) fn text(&mut self, x: f64, y: f64, style: Style, text: &str) {
        let anchor = match style.hold {
            Hold::Left => "start",
            Hold::Middle => "middle",
            Hold::Right => "end",
        };
        let (size, colour, text) = (style.size, style.colour, escaped(text));
        self.push(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" fill=\"{colour}\" text-anchor=\"{anchor}\">{text}</text>\n"
        ));
    }

    /// Text that runs upwards, held by its middle.
    fn upright(&mut self, x: f64, y: f64, text: &str) {
        let text = escaped(text);
        self.push(format_args!(
            "<text transform=\"translate({x:.1} {y:.1}) rotate(-90)\" font-size=\"15\" fill=\"{INK}\" text-anchor=\"middle\">{text}</text>\n"
        ));
    }

    /// Connected points; `dashes` as SVG has them, empty for none.
    pub(crate) fn line(&mut self, points: &[(f64, f64)], colour: &str, width: f64, dashes: &str) {
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let path = path.join(" ");
        self.push(format_args!(
            "<polyline points=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" stroke-dasharray=\"{dashes}\"/>\n"
        ));
    }

    /// A mark around a point.
    pub(crate) fn mark(&mut self, (x, y): (f64, f64), mark: Mark, colour: &str) {
        let (fill, r) = (if matches!(mark, Mark::Disc | Mark::Square) { colour } else { "#ffffff" }, 5.0);
        let paint = format!("fill=\"{fill}\" stroke=\"{colour}\" stroke-width=\"2\"");
        match mark {
            Mark::Disc | Mark::Ring => {
                self.push(format_args!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{r}\" {paint}/>\n"))
            }
            Mark::Square | Mark::OpenSquare => {
                let (left, top, side) = (x - r, y - r, 2.0 * r);
                self.push(format_args!(
                    "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{side}\" height=\"{side}\" {paint}/>\n"
                ));
            }
            Mark::Bound => {
                let (left, right, top, tip) = (x - 7.5, x + 7.5, y - 5.5, y + 7.5);
                self.push(format_args!(
                    "<polygon points=\"{left:.1},{top:.1} {right:.1},{top:.1} {x:.1},{tip:.1}\" {paint}/>\n"
                ));
            }
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A logarithmic axis.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    /// Smallest and largest value.
    pub(crate) range: (f64, f64),
    /// Values with a line and a label.
    pub(crate) ticks: Vec<f64>,
}

impl Axis {
    /// Whole decades around all values; a label at each decade, or also at 2 and 5 if there are few.
    pub(crate) fn decades(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = values.fold((f64::INFINITY, 0.0f64), |(low, high), v| (low.min(v), high.max(v)));
        if !low.is_finite() || low <= 0.0 {
            return Self { range: (1.0, 10.0), ticks: vec![1.0, 10.0] };
        }
        let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
        let last = last.max(first + 1);
        let within: &[f64] = if last - first <= 2 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let top = 10f64.powi(last);
        let ticks = (first..=last).flat_map(|e| within.iter().map(move |m| m * 10f64.powi(e)));
        Self { range: (10f64.powi(first), top), ticks: ticks.filter(|tick| *tick <= top * 1.001).collect() }
    }

    /// With room beyond both ends, so that no mark lies on the frame.
    pub(crate) fn with_room(self) -> Self {
        let (low, high) = self.range;
        Self { range: (low / 1.3, high * 2.0), ..self }
    }

    /// Powers of two around all values.
    pub(crate) fn doublings(largest: f64) -> Self {
        let ticks: Vec<f64> = (0..).map(|e| 2f64.powi(e)).take_while(|tick| *tick <= largest).collect();
        Self { range: (0.8, largest.max(2.0) * 1.25), ticks }
    }

    fn place(&self, value: f64, from: f64, to: f64) -> f64 {
        let (low, high) = (self.range.0.ln(), self.range.1.ln());
        from + (value.ln() - low) / (high - low) * (to - from)
    }
}

/// A rectangle with two axes.
pub(crate) struct Panel {
    /// Left edge, top edge, right edge, bottom edge.
    pub(crate) frame: (f64, f64, f64, f64),
    pub(crate) x: Axis,
    pub(crate) y: Axis,
}

impl Panel {
    /// Where a point lies on the sheet.
    pub(crate) fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let (left, top, right, bottom) = self.frame;
        (self.x.place(x, left, right), self.y.place(y, bottom, top))
    }

    /// Grid, frame, labels, title.
    pub(crate) fn draw(&self, canvas: &mut Canvas, title: &str, names: (&str, &str), x_label: fn(f64) -> String) {
        let (left, top, right, bottom) = self.frame;
        let small = |hold| Style { size: 14.0, colour: INK, hold };
        for tick in &self.x.ticks {
            let x = self.at(*tick, self.y.range.0).0;
            canvas.line(&[(x, top), (x, bottom)], GRID, 1.0, "");
            canvas.text(x, bottom + 20.0, small(Hold::Middle), &x_label(*tick));
        }
        for tick in &self.y.ticks {
            let y = self.at(self.x.range.0, *tick).1;
            canvas.line(&[(left, y), (right, y)], GRID, 1.0, "");
            canvas.text(left - 8.0, y + 5.0, small(Hold::Right), &duration(*tick));
        }
        let corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
        canvas.line(&corners, "#9a9a9a", 1.0, "");
        let middle = f64::midpoint(left, right);
        canvas.text(middle, bottom + 44.0, Style { size: 15.0, ..small(Hold::Middle) }, names.0);
        canvas.upright(left - 64.0, f64::midpoint(top, bottom), names.1);
        canvas.text(left, top - 14.0, Style { size: 18.0, ..small(Hold::Left) }, title);
    }
}

/// Seconds as people say them.
pub(crate) fn duration(seconds: f64) -> String {
    if seconds < 0.9995 { format!("{} ms", rounded(seconds * 1e3)) } else { format!("{} s", rounded(seconds)) }
}

/// At most three digits after the point, and no more than there are.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// A count with k, M or bn.
pub(crate) fn count(n: f64) -> String {
    let units = [(1e9, " bn"), (1e6, " M"), (1e3, " k")];
    let unit = units.iter().find(|(size, _)| n >= size * 0.9995);
    unit.map_or_else(|| rounded(n).to_string(), |(size, name)| format!("{}{name}", rounded(n / size)))
}
