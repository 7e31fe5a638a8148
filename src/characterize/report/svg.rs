//! A small writer of SVG: text, lines, marks. The picture follows the reader's light or dark theme by itself, names
//! what it shows for those who can't see it, and tells its series apart by shape as well as by colour.

use std::fmt::Write;

/// Colours that people with any colour vision tell apart (Okabe and Ito 2008); the darker ones for light paper.
const STYLE: &str = "\
svg{font:13px system-ui,sans-serif;background:#fff;--ink:#1f2328;--faint:#d1d9e0;--s0:#0072b2;--s1:#d55e00;--s2:#007a5a;--s3:#b3478f;--s4:#6e5a00}
@media(prefers-color-scheme:dark){svg{background:#0d1117;--ink:#e6edf3;--faint:#30363d;--s0:#56b4e9;--s1:#ff8a3d;--s2:#2fc79a;--s3:#e58bc4;--s4:#f0e442}}
text{fill:var(--ink)}.end{text-anchor:end}.middle{text-anchor:middle}.title{font-weight:600;font-size:15px}
.grid{stroke:var(--faint)}
.s0{--c:var(--s0)}.s1{--c:var(--s1)}.s2{--c:var(--s2)}.s3{--c:var(--s3)}.s4{--c:var(--s4)}
.mark{fill:var(--c)}.open{fill:none;stroke:var(--c);stroke-width:1.5}.line{fill:none;stroke:var(--c);stroke-width:2}
.d1{stroke-dasharray:7 3}.d2{stroke-dasharray:2 3}.d3{stroke-dasharray:9 3 2 3}.d4{stroke-dasharray:4 2}";

/// A picture under way.
pub(super) struct Svg {
    width: f64,
    height: f64,
    body: String,
}

/// Where a text is anchored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Svg {
    pub(super) fn new(width: f64, height: f64) -> Self {
        Self { width, height, body: String::new() }
    }

    pub(super) fn text(&mut self, x: f64, y: f64, anchor: Anchor, text: &str) {
        let class = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " class=\"middle\"",
            Anchor::End => " class=\"end\"",
        };
        self.push(&format!("<text x=\"{x:.1}\" y=\"{y:.1}\"{class}>{}</text>", escaped(text)));
    }

    pub(super) fn title(&mut self, x: f64, y: f64, text: &str) {
        self.push(&format!("<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"title\">{}</text>", escaped(text)));
    }

    pub(super) fn grid(&mut self, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.push(&format!("<path class=\"grid\" d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\"/>"));
    }

    /// A series' mark: a disc, a square, a triangle, a diamond, a cross; open ones are beyond the scale.
    pub(super) fn mark(&mut self, series: usize, x: f64, y: f64, open: bool, label: &str) {
        let shape = match series % 5 {
            0 => format!("M{:.1} {y:.1}a5 5 0 1 0 10 0a5 5 0 1 0 -10 0Z", x - 5.0),
            1 => format!("M{:.1} {:.1}h9v9h-9Z", x - 4.5, y - 4.5),
            2 => format!("M{x:.1} {:.1}l5.5 9.5h-11Z", y - 5.5),
            3 => format!("M{x:.1} {:.1}l6 6l-6 6l-6 -6Z", y - 6.0),
            _ => format!("M{:.1} {:.1}h3v-3h4v3h3v4h-3v3h-4v-3h-3Z", x - 5.0, y - 2.0),
        };
        let class = if open { "open" } else { "mark" };
        let series = series % 5;
        self.push(&format!("<path class=\"{class} s{series}\" d=\"{shape}\"><title>{}</title></path>", escaped(label)));
    }

    pub(super) fn line(&mut self, series: usize, points: &[(f64, f64)]) {
        let mut path = String::new();
        for (index, (x, y)) in points.iter().enumerate() {
            // Writing to a string can't fail.
            let _ = write!(path, "{}{x:.1} {y:.1}", if index == 0 { 'M' } else { 'L' });
        }
        let series = series % 5;
        self.push(&format!("<path class=\"line s{series} d{series}\" d=\"{path}\"/>"));
    }

    fn push(&mut self, element: &str) {
        self.body.push_str(element);
        self.body.push('\n');
    }

    /// The text of the file. `title` and `description` are read aloud; `made_by` is the command.
    pub(super) fn finish(self, title: &str, description: &str, made_by: &str) -> String {
        let Self { width, height, body } = self;
        format!(
            "<!-- Made by `{made_by}`; edits are lost. -->\n\
             <svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\" aria-labelledby=\"title description\">\n\
             <title id=\"title\">{}</title>\n<desc id=\"description\">{}</desc>\n<style>{STYLE}</style>\n{body}</svg>\n",
            escaped(title),
            escaped(description),
        )
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
