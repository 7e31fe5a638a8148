//! The judge of Kayenta, Spinnaker's canary analysis, to be run beside Siskin's own on the same data.
//!
//! It follows `NetflixACAJudge-v1.0` to the number, its weaknesses included: they are what a comparison is for, and
//! `docs/kayenta.md` lists them. Two time series a metric, one of each version, are cleaned ([`clean`]) and compared by
//! a Mann-Whitney interval ([`mann_whitney`]); a metric is `Pass`, `High`, `Low` or without data ([`classify`]), groups
//! of metrics have scores, and their weighted sum is the verdict ([`score`]). The configuration and the data are read
//! in Kayenta's JSON ([`config`], [`pair`]), and the judgement is written in it ([`judgement`]).
//!
//! In Kayenta's words the canary is the *experiment* and the version that it is compared with the *control*.

mod brent;
mod classify;
mod clean;
pub mod config;
mod effect_size;
mod error;
mod judge;
mod judgement;
mod mann_whitney;
mod number;
mod pair;
mod ranks;
mod request;
mod score;
mod settings;
mod siskin;
#[cfg(test)]
mod tests;

pub use classify::{Classification, Label, classify};
pub use config::{CanaryConfig, ScoreThresholds};
pub use error::KayentaError;
pub use judge::{JUDGE_NAME, judge, judge_request};
pub use judgement::{
    GroupScore, KayentaJudgement, MetricResult, ResultMetadata, Score, ScoreClass, SeriesMetadata, SeriesStatistics,
};
pub use mann_whitney::{ShiftInterval, shift_interval};
pub use pair::{MetricSetPair, Scope, Values};
pub use request::JudgeRequest;
pub use score::{Scored, score};
pub use settings::{Direction, EffectMeasure, EffectSize, MetricSettings, NanStrategy, OutlierStrategy};
pub use siskin::{SISKIN_JUDGE_NAME, judge_by_siskin};
