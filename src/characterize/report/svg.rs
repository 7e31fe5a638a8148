//! A small writer of SVG: text, lines, marks. The picture follows the reader's light or dark theme by itself, names
//! what it shows for those who can't see it, and tells its series apart by shape as well as by colour.

use std::fmt::Write;

/// Colours that people with any colour vision tell apart (Okabe and Ito 2008); the darker ones for light paper.
const STYLE: &str = "\
text{font:13px system-ui,sans-serif;fill:#1f2328}.end{text-anchor:end}.middle{text-anchor:middle}.title{font-weight:600;font-size:15px}
.paper{fill:#fff}.grid{stroke:#d1d9e0}
.s0{color:#0072b2}.s1{color:#d55e00}.s2{color:#007a5a}.s3{color:#b3478f}.s4{color:#6e5a00}
.mark{fill:currentColor}.open{fill:none;stroke:currentColor;stroke-width:1.5}.line{fill:none;stroke:currentColor;stroke-width:2}
.d1{stroke-dasharray:7 3}.d2{stroke-dasharray:2 3}.d3{stroke-dasharray:9 3 2 3}.d4{stroke-dasharray:4 2}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.paper{fill:#0d1117}.grid{stroke:#30363d}
.s0{color:#56b4e9}.s1{color:#ff8a3d}.s2{color:#2fc79a}.s3{color:#e58bc4}.s4{color:#f0e442}}";

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
        // Not as a comment: in one, XML allows no `--`.
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\" aria-labelledby=\"title description\">\n\
             <metadata>Made by `{}`; edits are lost.</metadata>\n\
             <title id=\"title\">{}</title>\n<desc id=\"description\">{}</desc>\n<style>{STYLE}</style>\n\
             <rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>\n{body}</svg>\n",
            escaped(made_by),
            escaped(title),
            escaped(description),
        )
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_sound_xml_whatever_the_texts_are() {
        let mut svg = Svg::new(100.0, 50.0);
        svg.title(1.0, 2.0, "a < b & c");
        svg.text(1.0, 2.0, Anchor::End, "x > 0");
        svg.grid((0.0, 0.0), (1.0, 1.0));
        svg.line(1, &[(0.0, 0.0), (1.0, 2.0)]);
        (0..6).for_each(|series| svg.mark(series, 1.0, 1.0, series == 3, "<5>"));
        let text = svg.finish("title", "description", "siskin characterize --rows T1");
        assert!(!text.contains("<!--") && text.contains("--rows T1"), "{text}");
        let names = |start: &str| text.matches(start).count();
        assert_eq!((names("<text"), names("</text>")), (2, 2), "{text}");
        assert_eq!((names("<path"), names("<title>")), (8, 6), "{text}");
        assert!(text.contains("a &lt; b &amp; c") && text.contains("&lt;5&gt;"), "{text}");
    }
}
