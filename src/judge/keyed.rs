//! Numbers of many series, as text in few bytes. A series is known by a hash of its name: names have hundreds of
//! bytes, most of them the same for all series, and a status has to hold thousands of them.
//!
//! The hash has 64 bits: of 5,000 series two are taken for one with a chance of 1 in 10¹². Who names series so that their
//! hashes meet disturbs nobody's analysis but his own.

use std::hash::Hasher;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use siphasher::sip::SipHasher13;

use super::state::{StateError, StateKind, VERSION, impossible};

/// What a series is known by: the same in every version of Siskin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SeriesKey(u64);

impl SeriesKey {
    pub(crate) fn of(name: &str) -> Self {
        let mut hasher = SipHasher13::new();
        hasher.write(name.as_bytes());
        Self(hasher.finish())
    }
}

/// The codes of a number: none, eight bytes that follow, else a whole number with this added to it.
const NONE: u64 = 0;
const FLOAT: u64 = 1;
const WHOLE: u64 = 2;

/// Writes the numbers of each series: a version byte, a kind byte, and for each series its key in eight bytes, how many
/// numbers it has, and the numbers.
pub(crate) fn encode<Numbers>(kind: StateKind, series: impl IntoIterator<Item = (SeriesKey, Numbers)>) -> String
where
    Numbers: IntoIterator<Item = Option<f64>>,
{
    let mut bytes = vec![VERSION, kind as u8];
    for (key, numbers) in series {
        let numbers: Vec<Option<f64>> = numbers.into_iter().collect();
        bytes.extend(key.0.to_le_bytes());
        write(&mut bytes, numbers.len() as u64);
        for number in numbers {
            match number.map(|number| (number, whole(number))) {
                None => write(&mut bytes, NONE),
                Some((_, Some(whole))) => write(&mut bytes, whole + WHOLE),
                Some((number, None)) => {
                    write(&mut bytes, FLOAT);
                    bytes.extend(number.to_le_bytes());
                }
            }
        }
    }
    STANDARD_NO_PAD.encode(bytes)
}

/// A series and its values, in the order in which they were written.
pub(crate) type KeyedValues = (SeriesKey, Vec<Option<f64>>);

/// Reads them back. Numbers are finite.
pub(crate) fn decode(kind: StateKind, text: &str) -> Result<Vec<KeyedValues>, StateError> {
    let bytes = STANDARD_NO_PAD.decode(text).map_err(|error| StateError::NotBase64(error.to_string()))?;
    let cut_off = || StateError::WrongLength { expected: bytes.len() + 1, found: bytes.len() };
    let [version, found, rest @ ..] = bytes.as_slice() else { return Err(cut_off()) };
    if *version != VERSION {
        return Err(StateError::UnknownVersion { found: *version });
    }
    if *found != kind as u8 {
        return Err(StateError::WrongKind { expected: kind as u8, found: *found });
    }
    let mut rest = rest;
    let mut series = Vec::new();
    while !rest.is_empty() {
        let key = SeriesKey(u64::from_le_bytes(take(&mut rest).ok_or_else(cut_off)?));
        let count = read(&mut rest).ok_or_else(cut_off)?;
        let mut numbers = Vec::new();
        for position in 0..count {
            numbers.push(match read(&mut rest).ok_or_else(cut_off)? {
                NONE => None,
                FLOAT => {
                    let number = f64::from_le_bytes(take(&mut rest).ok_or_else(cut_off)?);
                    if !number.is_finite() {
                        return Err(impossible(usize::try_from(position).unwrap_or(usize::MAX), number));
                    }
                    Some(number)
                }
                whole => Some((whole - WHOLE) as f64),
            });
        }
        series.push((key, numbers));
    }
    Ok(series)
}

/// The next eight bytes.
fn take(bytes: &mut &[u8]) -> Option<[u8; 8]> {
    let (first, rest) = bytes.split_first_chunk::<8>()?;
    *bytes = rest;
    Some(*first)
}

/// Base 128, lowest digit first.
fn write(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

fn read(bytes: &mut &[u8]) -> Option<u64> {
    let (mut number, mut shift) = (0_u64, 0_u32);
    loop {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        shift += 7;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
}

/// The number as an integer, if it is one that floats hold exactly. `-0.0` is none.
fn whole(number: f64) -> Option<u64> {
    /// From here on floats leave integers out.
    const LARGEST: f64 = 9_007_199_254_740_992.0;
    if !(number.is_sign_positive() && number <= LARGEST && number.fract() == 0.0) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is a whole number in range")]
    Some(number as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_series_come_back_to_the_bit() {
        let numbers = [Some(0.0), None, Some(-0.0), Some(127.0), Some(9_007_199_254_740_992.0), Some(1e300), Some(0.1)];
        let series = [(SeriesKey::of("a"), numbers.to_vec()), (SeriesKey::of("b"), Vec::new())];
        let back = decode(StateKind::Counters, &encode(StateKind::Counters, series.clone())).unwrap();
        let bits = |series: &[(SeriesKey, Vec<Option<f64>>)]| -> Vec<_> {
            series.iter().flat_map(|(_, numbers)| numbers.iter().map(|number| number.map(f64::to_bits))).collect()
        };
        assert_eq!((bits(&back), back[0].0, back[1].0), (bits(&series), series[0].0, series[1].0));
    }

    #[test]
    fn the_hash_of_a_name_never_changes() {
        let SeriesKey(hash) = SeriesKey::of("{pod=\"web-1\"}");
        assert_eq!(hash, SeriesKey::of("{pod=\"web-1\"}").0);
        assert_ne!(hash, SeriesKey::of("{pod=\"web-2\"}").0);
    }

    #[test]
    fn what_is_cut_off_or_of_another_kind_is_refused() {
        let text = encode(StateKind::Counters, [(SeriesKey::of("a"), [Some(1.0), Some(0.5)])]);
        assert!(decode(StateKind::Series, &text).is_err());
        for length in 3..text.len() {
            // Cut after whole base64 groups or in the middle of one: never read as something else.
            let cut = decode(StateKind::Counters, &text[..length]);
            assert!(cut.is_err() || cut.unwrap().is_empty(), "{length}");
        }
    }
}
