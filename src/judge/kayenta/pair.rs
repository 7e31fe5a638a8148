//! The data of one metric as Kayenta hands them to a judge: two time series, one of each version.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{error::KayentaError, number};

/// One metric's series, once for each combination of the tags that its query groups by.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricSetPair {
    /// The metric's name in the configuration.
    pub name: String,
    /// Names the pair; it comes back in the result.
    #[serde(default)]
    pub id: String,
    /// The tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The series.
    pub values: Values,
    /// When the series start and how far their values are apart, as `control` and `experiment`.
    #[serde(default)]
    pub scopes: BTreeMap<String, Scope>,
    /// What the data source says of itself, the query for example.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, BTreeMap<String, String>>,
}

/// The two series. NaN stands for a time without a value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Values {
    /// The version that the canary is compared with; none where the JSON has none.
    #[serde(default, with = "series", skip_serializing_if = "Option::is_none")]
    pub control: Option<Vec<f64>>,
    /// The canary; none where the JSON has none.
    #[serde(default, with = "series", skip_serializing_if = "Option::is_none")]
    pub experiment: Option<Vec<f64>>,
}

/// Where a series stands in time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Scope {
    /// Time of the first value, as people read it.
    pub start_time_iso: String,
    /// Time of the first value, in milliseconds since 1970.
    pub start_time_millis: i64,
    /// Milliseconds between two values.
    pub step_millis: i64,
}

impl MetricSetPair {
    /// A pair from values of each version at the same times: canary first.
    pub fn of(name: impl Into<String>, values: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let name = name.into();
        let (experiment, control) = values.into_iter().unzip();
        let values = Values { control: Some(control), experiment: Some(experiment) };
        Self { id: name.clone(), name, values, ..Self::default() }
    }

    /// The canary's series.
    ///
    /// # Errors
    /// [`KayentaError::MissingSeries`]
    pub fn experiment(&self) -> Result<&[f64], KayentaError> {
        self.series(self.values.experiment.as_deref(), "experiment")
    }

    /// The series that the canary is compared with.
    ///
    /// # Errors
    /// [`KayentaError::MissingSeries`]
    pub fn control(&self) -> Result<&[f64], KayentaError> {
        self.series(self.values.control.as_deref(), "control")
    }

    fn series<'a>(&self, values: Option<&'a [f64]>, series: &'static str) -> Result<&'a [f64], KayentaError> {
        values.ok_or_else(|| KayentaError::MissingSeries { name: self.name.clone(), series })
    }
}

/// A series that may not be there.
mod series {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(transparent)]
    struct Series(#[serde(with = "super::number::list")] Vec<f64>);

    // The shape of both is given by serde's `with`.
    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(values: &Option<Vec<f64>>, serializer: S) -> Result<S::Ok, S::Error> {
        values.as_ref().map(|values| Series(values.clone())).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<f64>>, D::Error> {
        Ok(Option::<Series>::deserialize(deserializer)?.map(|Series(values)| values))
    }
}
