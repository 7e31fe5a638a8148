//! A grid of dots that is read out as characters.

use super::Dots;

/// Dots of a braille character from its first code point, by column and row.
const BRAILLE: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

/// The grid. Places are shares of it, from 0 to 1: right and up.
#[derive(Clone, Debug)]
pub(super) struct Canvas {
    kind: Dots,
    columns: usize,
    rows: usize,
    /// Row by row from the top.
    set: Vec<bool>,
}

impl Canvas {
    pub(super) fn new(columns: usize, rows: usize, kind: Dots) -> Self {
        let (across, down) = dots_in_a_character(kind);
        Self { kind, columns, rows, set: vec![false; columns * across * rows * down] }
    }

    /// Sets the dots between two places.
    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64)) {
        let (across, down) = dots_in_a_character(self.kind);
        let (width, height) = (self.columns * across, self.rows * down);
        let start = (place(from.0, width), height - 1 - place(from.1, height));
        let end = (place(to.0, width), height - 1 - place(to.1, height));
        let steps = start.0.abs_diff(end.0).max(start.1.abs_diff(end.1)).max(1);
        for step in 0..=steps {
            let x = between(start.0, end.0, step, steps);
            let y = between(start.1, end.1, step, steps);
            self.set[y * width + x] = true;
        }
    }

    /// The row of characters, from the top, in which a height is.
    pub(super) fn row(&self, up: f64) -> usize {
        let (_, down) = dots_in_a_character(self.kind);
        (self.rows * down - 1 - place(up, self.rows * down)) / down
    }

    /// The rows as text; one of them may have a line across it, behind the dots.
    pub(super) fn rows(&self, line: Option<usize>) -> Vec<String> {
        (0..self.rows)
            .map(|row| {
                let behind = match self.kind {
                    _ if line != Some(row) => ' ',
                    Dots::Braille => '┄',
                    Dots::Ascii => '-',
                };
                (0..self.columns).map(|column| self.character(column, row).unwrap_or(behind)).collect()
            })
            .collect()
    }

    fn character(&self, column: usize, row: usize) -> Option<char> {
        let (across, down) = dots_in_a_character(self.kind);
        let width = self.columns * across;
        let mut bits = 0;
        for (x, braille) in BRAILLE.iter().enumerate().take(across) {
            for (y, bit) in braille.iter().enumerate().take(down) {
                if self.set[(row * down + y) * width + column * across + x] {
                    bits |= bit;
                }
            }
        }
        match (bits, self.kind) {
            (0, _) => None,
            (_, Dots::Ascii) => Some('*'),
            (bits, Dots::Braille) => char::from_u32(0x2800 + u32::from(bits)),
        }
    }
}

fn dots_in_a_character(kind: Dots) -> (usize, usize) {
    match kind {
        Dots::Braille => (2, 4),
        Dots::Ascii => (1, 1),
    }
}

/// The dot nearest to a share of the width; a grid is small enough to count along it.
fn place(share: f64, count: usize) -> usize {
    let wanted = share.clamp(0.0, 1.0) * (count - 1) as f64;
    (0..count - 1).take_while(|dot| *dot as f64 + 0.5 <= wanted).count()
}

fn between(from: usize, to: usize, step: usize, steps: usize) -> usize {
    if to >= from { from + (to - from) * step / steps } else { from - (from - to) * step / steps }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagonal_goes_from_corner_to_corner() {
        let mut canvas = Canvas::new(4, 2, Dots::Braille);
        canvas.line((0.0, 0.0), (1.0, 1.0));
        assert_eq!(canvas.rows(None), ["  ⡠⠊", "⡠⠊  "]);
        let mut canvas = Canvas::new(3, 3, Dots::Ascii);
        canvas.line((0.0, 1.0), (1.0, 0.0));
        assert_eq!(canvas.rows(Some(1)), ["*  ", "-*-", "  *"]);
    }

    #[test]
    fn what_is_beyond_the_edge_is_drawn_on_it() {
        let mut canvas = Canvas::new(2, 1, Dots::Ascii);
        canvas.line((-5.0, 9.0), (7.0, f64::NAN.max(2.0)));
        assert_eq!(canvas.rows(None), ["**"]);
    }
}
