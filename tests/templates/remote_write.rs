//! Prometheus' remote-write protocol, version 1: the few messages that planting needs. The numbers of the fields are
//! those of `prompb/types.proto`.

use prost::Message;

use crate::planted::{Planted, PlantedValue};

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "4")]
    histograms: Vec<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Histogram {
    #[prost(uint64, optional, tag = "1")]
    count: Option<u64>,
    #[prost(double, tag = "3")]
    sum: f64,
    #[prost(sint32, tag = "4")]
    schema: i32,
    #[prost(uint64, optional, tag = "6")]
    zero_count: Option<u64>,
    #[prost(message, repeated, tag = "11")]
    positive_spans: Vec<BucketSpan>,
    #[prost(sint64, repeated, tag = "12")]
    positive_deltas: Vec<i64>,
    #[prost(int64, tag = "15")]
    timestamp: i64,
    #[prost(double, repeated, tag = "16")]
    custom_values: Vec<f64>,
}

#[derive(Clone, PartialEq, Message)]
struct BucketSpan {
    #[prost(sint32, tag = "1")]
    offset: i32,
    #[prost(uint32, tag = "2")]
    length: u32,
}

/// The body of a request that plants these values, in this order, at a time in milliseconds; compressed.
pub(crate) fn body(planted: &[Planted], at: i64) -> Vec<u8> {
    let timeseries = planted.iter().map(|planted| series(planted, at)).collect();
    let bytes = WriteRequest { timeseries }.encode_to_vec();
    snap::raw::Encoder::new().compress_vec(&bytes).expect("a request is far below snappy's limit")
}

fn series(Planted { labels, offset, value }: &Planted, at: i64) -> TimeSeries {
    let labels = labels.iter().map(|(name, value)| Label { name: name.clone(), value: value.clone() }).collect();
    let timestamp = at + offset;
    match value {
        PlantedValue::Float(value) => {
            TimeSeries { labels, samples: vec![Sample { value: *value, timestamp }], histograms: vec![] }
        }
        PlantedValue::Native { schema, count, sum, offset, custom, buckets } => {
            let length = u32::try_from(buckets.len()).expect("few buckets");
            let before = [0].into_iter().chain(buckets.iter().copied());
            let histogram = Histogram {
                count: Some(*count),
                sum: *sum,
                schema: *schema,
                zero_count: Some(0),
                positive_spans: vec![BucketSpan { offset: *offset, length }],
                positive_deltas: buckets.iter().zip(before).map(|(count, before)| count - before).collect(),
                timestamp,
                custom_values: custom.clone(),
            };
            TimeSeries { labels, samples: vec![], histograms: vec![histogram] }
        }
    }
}
