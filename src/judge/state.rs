//! The text form in which a process's numbers are kept in a Rollout's status: base64 of one version byte, one kind
//! byte and the numbers as little-endian 64-bit floats.
//!
//! JSON numbers won't do: they have no negative infinity, and an API server turns `-0.0` and whole floats into
//! integers. Replay and restart must give the same evidence to the last bit.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use thiserror::Error;

/// Raised when the meaning of the numbers changes, so that an older or newer binary doesn't misread them.
pub(super) const VERSION: u8 = 1;
/// How counts are written: as integers of seven bits a byte, or as floats.
const WHOLE: u8 = 0;
const FLOATS: u8 = 1;

/// Whose numbers they are, so that the text of one process can't be taken for another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StateKind {
    Ratio = 1,
    Share = 2,
    Difference = 3,
    Exceedances = 10,
    Gauge = 11,
    Capping = 12,
    Counters = 13,
    Series = 14,
    PodMeans = 15,
    WarmUp = 16,
}

/// Why a stored state can't be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StateError {
    /// The text is not base64.
    #[error("stored evidence is not base64: {0}")]
    NotBase64(String),
    /// The text was written by another version of Siskin.
    #[error("stored evidence has format {found}, this version of siskin reads format {VERSION}")]
    UnknownVersion {
        /// The version byte found.
        found: u8,
    },
    /// The text belongs to another kind of process.
    #[error("stored evidence is of kind {found}, expected kind {expected}")]
    WrongKind {
        /// The kind byte expected.
        expected: u8,
        /// The kind byte found.
        found: u8,
    },
    /// The text is cut off or too long.
    #[error("stored evidence has {found} bytes, expected {expected}")]
    WrongLength {
        /// Bytes of a complete state.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
    /// A number is outside what the process can hold.
    #[error("stored evidence holds {value} at position {position}, which no process can reach")]
    ImpossibleNumber {
        /// Index of the number, from 0.
        position: usize,
        /// The number as text.
        value: String,
    },
}

/// Writes the numbers as text.
pub(super) fn encode<const N: usize>(kind: StateKind, numbers: &[f64; N]) -> String {
    let mut bytes = Vec::with_capacity(2 + 8 * N);
    bytes.extend([VERSION, kind as u8]);
    for number in numbers {
        bytes.extend(number.to_le_bytes());
    }
    STANDARD_NO_PAD.encode(bytes)
}

/// Reads the numbers back; they may be infinite, but are never "not a number".
pub(super) fn decode<const N: usize>(kind: StateKind, text: &str) -> Result<[f64; N], StateError> {
    let bytes = STANDARD_NO_PAD.decode(text).map_err(|error| StateError::NotBase64(error.to_string()))?;
    let [version, found_kind, rest @ ..] = bytes.as_slice() else {
        return Err(StateError::WrongLength { expected: 2 + 8 * N, found: bytes.len() });
    };
    if *version != VERSION {
        return Err(StateError::UnknownVersion { found: *version });
    }
    if *found_kind != kind as u8 {
        return Err(StateError::WrongKind { expected: kind as u8, found: *found_kind });
    }
    let (chunks, left_over) = rest.as_chunks::<8>();
    if chunks.len() != N || !left_over.is_empty() {
        return Err(StateError::WrongLength { expected: 2 + 8 * N, found: bytes.len() });
    }
    let mut numbers = [0.0; N];
    for (position, (number, chunk)) in numbers.iter_mut().zip(chunks).enumerate() {
        *number = f64::from_le_bytes(*chunk);
        if number.is_nan() {
            return Err(impossible(position, *number));
        }
    }
    Ok(numbers)
}

/// Writes any number of counts as text, in as few bytes as whole numbers need: a histogram has many.
pub(super) fn encode_counts(kind: StateKind, numbers: &[f64]) -> String {
    let mut bytes = vec![VERSION, kind as u8];
    let whole: Option<Vec<u64>> = numbers.iter().map(|number| whole(*number)).collect();
    if let Some(whole) = whole {
        bytes.push(WHOLE);
        for mut number in whole {
            while number >= 0x80 {
                bytes.push(number.to_le_bytes()[0] | 0x80);
                number >>= 7;
            }
            bytes.push(number.to_le_bytes()[0]);
        }
    } else {
        bytes.push(FLOATS);
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    }
    STANDARD_NO_PAD.encode(bytes)
}

/// Reads counts back: finite numbers.
pub(super) fn decode_counts(kind: StateKind, text: &str) -> Result<Vec<f64>, StateError> {
    let bytes = STANDARD_NO_PAD.decode(text).map_err(|error| StateError::NotBase64(error.to_string()))?;
    let [version, found_kind, form, rest @ ..] = bytes.as_slice() else {
        return Err(StateError::WrongLength { expected: 3, found: bytes.len() });
    };
    if *version != VERSION {
        return Err(StateError::UnknownVersion { found: *version });
    }
    if *found_kind != kind as u8 {
        return Err(StateError::WrongKind { expected: kind as u8, found: *found_kind });
    }
    let cut_off = || StateError::WrongLength { expected: bytes.len() + 1, found: bytes.len() };
    let numbers = match *form {
        WHOLE => {
            let mut numbers = Vec::new();
            let (mut number, mut shift) = (0u64, 0u32);
            for byte in rest {
                number |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
                shift += 7;
                if byte & 0x80 == 0 {
                    numbers.push(number as f64);
                    (number, shift) = (0, 0);
                }
            }
            if shift > 0 {
                return Err(cut_off());
            }
            numbers
        }
        FLOATS => {
            let (chunks, left_over) = rest.as_chunks::<8>();
            if !left_over.is_empty() {
                return Err(cut_off());
            }
            chunks.iter().map(|chunk| f64::from_le_bytes(*chunk)).collect()
        }
        other => return Err(StateError::UnknownVersion { found: other }),
    };
    match numbers.iter().position(|number| !number.is_finite()) {
        Some(position) => Err(impossible(position, numbers[position])),
        None => Ok(numbers),
    }
}

/// The number as an integer, if it is one and survives the way there and back.
fn whole(number: f64) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "compared with the original below")]
    let integer = number as u64;
    ((integer as f64).to_bits() == number.to_bits()).then_some(integer)
}

/// The error for a number that a process can't hold.
pub(super) fn impossible(position: usize, value: f64) -> StateError {
    StateError::ImpossibleNumber { position, value: value.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive_to_the_bit() {
        let numbers = [0.1, -0.0, f64::NEG_INFINITY, f64::MIN_POSITIVE / 8.0, -1.0e6];
        let text = encode(StateKind::Ratio, &numbers);
        let back: [f64; 5] = decode(StateKind::Ratio, &text).unwrap();
        assert_eq!(back.map(f64::to_bits), numbers.map(f64::to_bits));
    }

    #[test]
    fn counts_survive_to_the_bit_and_whole_ones_are_short() {
        let whole = [0.0, 127.0, 128.0, 1_234_567.0, 9_007_199_254_740_992.0];
        let broken = [0.5, -0.0, 3.0, 1e300];
        for numbers in [&whole[..], &broken[..], &[]] {
            let text = encode_counts(StateKind::Exceedances, numbers);
            let back = decode_counts(StateKind::Exceedances, &text).unwrap();
            assert!(back.iter().map(|number| number.to_bits()).eq(numbers.iter().map(|number| number.to_bits())));
        }
        assert!(encode_counts(StateKind::Exceedances, &whole).len() < 30);
    }

    #[test]
    fn damaged_counts_are_refused() {
        let read = |bytes: &[u8]| decode_counts(StateKind::Exceedances, &STANDARD_NO_PAD.encode(bytes)).unwrap_err();
        assert_eq!(read(&[1]), StateError::WrongLength { expected: 3, found: 1 });
        assert_eq!(read(&[2, 10, 0]), StateError::UnknownVersion { found: 2 });
        assert_eq!(read(&[1, 1, 0]), StateError::WrongKind { expected: 10, found: 1 });
        assert_eq!(read(&[1, 10, 0, 0x80]), StateError::WrongLength { expected: 5, found: 4 });
        let mut infinite = vec![1, 10, 1];
        infinite.extend(f64::INFINITY.to_le_bytes());
        assert_eq!(read(&infinite), StateError::ImpossibleNumber { position: 0, value: "inf".into() });
    }

    #[test]
    fn every_kind_of_damage_has_its_own_error() {
        let good = encode(StateKind::Ratio, &[1.0, 2.0]);
        let read = |text: &str| decode::<2>(StateKind::Ratio, text).unwrap_err();
        assert!(matches!(read("%%%"), StateError::NotBase64(_)));
        assert_eq!(read(""), StateError::WrongLength { expected: 18, found: 0 });
        assert_eq!(read(&STANDARD_NO_PAD.encode([9, 1])), StateError::UnknownVersion { found: 9 });
        let short = encode(StateKind::Ratio, &[1.0]);
        assert_eq!(read(&short), StateError::WrongLength { expected: 18, found: 10 });
        let other = decode::<2>(StateKind::Share, &good).unwrap_err();
        assert_eq!(other, StateError::WrongKind { expected: 2, found: 1 });
        let poisoned = encode(StateKind::Ratio, &[1.0, f64::NAN]);
        assert_eq!(read(&poisoned), StateError::ImpossibleNumber { position: 1, value: "NaN".into() });
    }
}
