//! How often something that goes wrong again and again is said: at once, and then now and then.

use std::time::Duration;

use tokio::time::Instant;

/// How often the same complaint is repeated.
const REPEATED: Duration = Duration::from_mins(5);

/// What was complained about last.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    last: Option<(String, Instant)>,
}

impl Complaints {
    /// Whether this is to be said now: it is new, or was not said for a while.
    pub(super) fn is_news(&mut self, complaint: &str) -> bool {
        let known = self.last.as_ref().is_some_and(|(text, at)| text == complaint && at.elapsed() < REPEATED);
        if !known {
            self.last = Some((complaint.to_owned(), Instant::now()));
        }
        !known
    }

    /// All is well; says whether something was complained about before.
    pub(super) fn end(&mut self) -> bool {
        self.last.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_same_complaint_is_made_once_in_five_minutes_and_another_at_once() {
        let mut complaints = Complaints::default();
        let mut said = 0;
        for _ in 0..600 {
            said += u32::from(complaints.is_news("connection refused"));
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(said, 2);
        assert!(complaints.is_news("forbidden"));
        assert!(complaints.end() && !complaints.end());
        assert!(complaints.is_news("forbidden"), "after a recovery it is news again");
    }
}
