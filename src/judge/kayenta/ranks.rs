//! Ranks of two samples together, one of them shifted, without sorting them anew for every shift.

/// What the ranks of two samples, taken together, add up to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ranks {
    /// Sum of the ranks (from 1, ties share their mean rank) of the first sample.
    pub(super) first_sum: f64,
    /// Sum of `t^3 - t` over groups of `t` equal values.
    pub(super) ties: f64,
}

/// Ranks of `first`, each value less `shift`, together with `second`. Both must be sorted by [`f64::total_cmp`] and
/// without NaN. A difference that is undefined (of two infinities) ranks highest, as in Kayenta.
pub(super) fn ranks(first: &[f64], shift: f64, second: &[f64]) -> Ranks {
    let shifted = |value: f64| {
        let difference = value - shift;
        if difference.is_nan() { f64::INFINITY } else { difference }
    };
    let (mut at_first, mut at_second) = (0, 0);
    let mut found = Ranks { first_sum: 0.0, ties: 0.0 };
    while at_first < first.len() {
        let next = shifted(first[at_first]);
        // Values below `next` only move the ranks, except for ties among themselves.
        while second.get(at_second).is_some_and(|value| value.total_cmp(&next).is_lt()) {
            let group = equal_from(second, at_second);
            found.ties += tie_term(group);
            at_second += group;
        }
        let below = at_first + at_second;
        let of_first = first[at_first..].iter().take_while(|value| shifted(**value).total_cmp(&next).is_eq()).count();
        let of_second = second[at_second..].iter().take_while(|value| value.total_cmp(&next).is_eq()).count();
        let group = of_first + of_second;
        let mean_rank = f64::midpoint((below + 1) as f64, (below + group) as f64);
        found.first_sum += of_first as f64 * mean_rank;
        found.ties += tie_term(group);
        at_first += of_first;
        at_second += of_second;
    }
    while at_second < second.len() {
        let group = equal_from(second, at_second);
        found.ties += tie_term(group);
        at_second += group;
    }
    found
}

/// How many values from `start` on are equal to the one there.
fn equal_from(sorted: &[f64], start: usize) -> usize {
    sorted[start..].iter().take_while(|value| value.total_cmp(&sorted[start]).is_eq()).count()
}

fn tie_term(group: usize) -> f64 {
    let group = group as f64;
    group * group * group - group
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_of_separate_samples() {
        assert_eq!(ranks(&[4.0, 5.0], 0.0, &[1.0, 2.0, 3.0]), Ranks { first_sum: 9.0, ties: 0.0 });
        assert_eq!(ranks(&[4.0, 5.0], 10.0, &[1.0, 2.0, 3.0]), Ranks { first_sum: 3.0, ties: 0.0 });
    }

    #[test]
    fn ties_share_their_mean_rank() {
        // 1 | 2 2 2 | 3 3: the first sample has two of the 2s and one of the 3s.
        let found = ranks(&[2.0, 2.0, 3.0], 0.0, &[1.0, 2.0, 3.0]);
        assert_eq!(found, Ranks { first_sum: 3.0 + 3.0 + 5.5, ties: 24.0 + 6.0 });
    }

    #[test]
    fn ties_within_the_second_sample_count_on_both_sides() {
        assert_eq!(ranks(&[5.0], 0.0, &[1.0, 1.0, 9.0, 9.0]), Ranks { first_sum: 3.0, ties: 12.0 });
    }

    #[test]
    fn an_undefined_difference_ranks_highest() {
        let found = ranks(&[1.0, f64::INFINITY], f64::INFINITY, &[0.0]);
        assert_eq!(found.first_sum.to_bits(), 4f64.to_bits());
    }
}
