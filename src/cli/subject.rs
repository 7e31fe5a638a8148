//! Which Rollout a command is about, in the ways in which kubectl's users name objects.

use clap::Args;

use super::Failure;

/// Words for the kind, as the API server knows them.
const KIND_WORDS: [&str; 6] =
    ["rollout", "rollouts", "ro", "rollout.siskin.dev", "rollouts.siskin.dev", "rollouts.v1alpha1.siskin.dev"];

/// The Rollout: `rollout/web`, `rollout web`, `ro/web` or `web`.
#[derive(Args, Clone, Debug)]
pub(super) struct Subject {
    /// The Rollout: `rollout/web`, `ro/web`, `rollout web` or only `web`
    #[arg(value_name = "ROLLOUT", required = true, num_args = 1..=2)]
    words: Vec<String>,
}

impl Subject {
    /// The name, or nothing where only the kind was given (`rollouts`).
    pub(super) fn name(&self) -> Result<Option<String>, Failure> {
        match self.words.as_slice() {
            [one] => match one.split_once('/') {
                Some((kind, name)) => named(kind, name).map(Some),
                None if is_kind(one) => Ok(None),
                None => named("rollout", one).map(Some),
            },
            [kind, name] => named(kind, name).map(Some),
            words => Err(Failure::usage(format!("one Rollout is expected, `{}` names more", words.join(" ")))),
        }
    }

    /// The name, for commands that are about exactly one.
    pub(super) fn required_name(&self) -> Result<String, Failure> {
        self.name()?.ok_or_else(|| {
            Failure::usage(format!("`{}` names no Rollout", self.words.join(" ")))
                .hint("write its name too, as in `rollout/web`")
        })
    }
}

fn is_kind(word: &str) -> bool {
    KIND_WORDS.iter().any(|kind| kind.eq_ignore_ascii_case(word))
}

fn named(kind: &str, name: &str) -> Result<String, Failure> {
    if !is_kind(kind) {
        return Err(Failure::usage(format!("`{kind}` is not a kind that Siskin has commands for"))
            .hint(format!("write `rollout/{name}` or `{name}`")));
    }
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.') {
        return Err(Failure::usage(format!("`{name}` can't be the name of a Rollout"))
            .hint("names have lower-case letters, digits, `-` and `.`"));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(words: &[&str]) -> Result<Option<String>, Failure> {
        Subject { words: words.iter().map(ToString::to_string).collect() }.name()
    }

    #[test]
    fn a_rollout_can_be_named_in_the_ways_of_kubectl() {
        for words in [&["rollout/web"][..], &["ro/web"], &["web"], &["rollout", "web"], &["rollouts.siskin.dev/web"]] {
            assert_eq!(name(words), Ok(Some("web".to_owned())), "{words:?}");
        }
    }

    #[test]
    fn a_kind_alone_names_all_of_them() {
        assert_eq!(name(&["rollouts"]), Ok(None));
        assert_eq!(name(&["ro"]), Ok(None));
    }

    #[test]
    fn a_name_is_asked_for_where_one_is_needed() {
        let failure = Subject { words: vec!["rollout".into()] }.required_name().unwrap_err();
        insta::assert_snapshot!(failure, @r"
        error: `rollout` names no Rollout

        hint: write its name too, as in `rollout/web`
        ");
    }

    #[test]
    fn another_kind_is_refused_with_what_to_write_instead() {
        insta::assert_snapshot!(name(&["deployment/web"]).unwrap_err(), @r"
        error: `deployment` is not a kind that Siskin has commands for

        hint: write `rollout/web` or `web`
        ");
        insta::assert_snapshot!(name(&["Web"]).unwrap_err(), @r"
        error: `Web` can't be the name of a Rollout

        hint: names have lower-case letters, digits, `-` and `.`
        ");
    }
}
