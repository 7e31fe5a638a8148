//! The arithmetic of a split: one weight into the stable's and the canary's.

/// The largest relative error of the canary's share that a split may have, as one over this: a fifth.
const TOLERANCE: i64 = 5;

/// A weight is too small a number to give the canary its share of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooCoarse {
    /// The least factor by which the weight would have to be multiplied.
    pub(super) factor: i64,
}

/// Divides `total` (above 0) into the stable's and the canary's weight, whose sum is `total` and of which the canary's is
/// `percent` (1 to 100) within a fifth.
///
/// Below 100 % the stable backend always keeps something, and of two weights equally near the canary gets the smaller.
pub(super) fn divide(total: i64, percent: u32) -> Result<(i64, i64), TooCoarse> {
    match share(total, percent) {
        Some(canary) => Ok((total - canary, canary)),
        // A hundredfold weight divides without a rest, so a factor is always found.
        None => {
            Err(TooCoarse { factor: (2..100).find(|factor| share(total * factor, percent).is_some()).unwrap_or(100) })
        }
    }
}

/// The canary's part of `total`, where there is one near enough.
fn share(total: i64, percent: u32) -> Option<i64> {
    let percent = i64::from(percent.min(100));
    if percent == 100 {
        return Some(total);
    }
    let exact_times_hundred = total * percent;
    let nearest = (exact_times_hundred + 49) / 100;
    let canary = nearest.min(total - 1);
    let error = (canary * 100 - exact_times_hundred).abs();
    (canary > 0 && error * TOLERANCE <= exact_times_hundred).then_some(canary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_is_divided_without_loss() {
        assert_eq!(divide(100, 5), Ok((95, 5)));
        assert_eq!(divide(40, 25), Ok((30, 10)));
        assert_eq!(divide(7, 100), Ok((0, 7)));
    }

    #[test]
    fn of_two_weights_equally_near_the_canary_gets_the_smaller() {
        assert_eq!(divide(50, 25), Ok((38, 12)));
    }

    #[test]
    fn the_stable_backend_keeps_something_below_a_hundred_percent() {
        assert_eq!(divide(10, 99), Ok((1, 9)));
        assert_eq!(divide(1, 99), Err(TooCoarse { factor: 5 }));
    }

    #[test]
    fn a_weight_that_is_too_coarse_says_by_how_much() {
        assert_eq!(divide(1, 50), Err(TooCoarse { factor: 2 }));
        assert_eq!(divide(10, 5), Err(TooCoarse { factor: 2 }));
        assert_eq!(divide(1, 1), Err(TooCoarse { factor: 84 }));
    }

    #[test]
    fn every_weight_divides_after_its_factor() {
        for total in 1..200 {
            for percent in 1..=100 {
                if let Err(TooCoarse { factor }) = divide(total, percent) {
                    let (stable, canary) = divide(total * factor, percent).unwrap();
                    assert!(stable > 0 && canary > 0 && stable + canary == total * factor);
                }
            }
        }
    }
}
