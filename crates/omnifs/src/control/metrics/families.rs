//! The metrics as the library has them that writes the format: series of one name are together.

use std::collections::BTreeMap;

use anyhow::Context;
use prometheus::TextEncoder;
use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};

use super::{Described, Series};
use crate::control::activity::CallCounts;

/// All series, by name.
#[derive(Default)]
pub(super) struct Families(BTreeMap<&'static str, MetricFamily>);

impl Families {
    /// Adds what a provider has of one name.
    pub(super) fn add(&mut self, provider: Option<&str>, Series { is, rows }: Series<'_>) {
        for (labels, value) in rows {
            let mut metric = labelled(provider, &labels);
            if is.kind == MetricType::COUNTER {
                let mut counter = Counter::default();
                counter.set_value(value);
                metric.set_counter(counter);
            } else {
                let mut gauge = Gauge::default();
                gauge.set_value(value);
                metric.set_gauge(gauge);
            }
            self.push(is, metric);
        }
    }

    /// Adds how long the calls of a function took.
    pub(super) fn add_times(&mut self, provider: &str, is: Described, times: &CallCounts) {
        let mut cumulative = 0;
        let buckets = times.buckets.iter().filter_map(|(end, count)| {
            cumulative += count;
            let mut bucket = Bucket::default();
            bucket.set_upper_bound((*end)?);
            bucket.set_cumulative_count(cumulative);
            Some(bucket)
        });
        let mut histogram = Histogram::default();
        histogram.set_bucket(buckets.collect());
        histogram.set_sample_count(times.count());
        histogram.set_sample_sum(times.total);
        let mut metric = labelled(Some(provider), &[("op", &times.op)]);
        metric.set_histogram(histogram);
        self.push(is, metric);
    }

    fn push(&mut self, Described { name, kind, help }: Described, metric: Metric) {
        let family = self.0.entry(name).or_insert_with(|| {
            let mut family = MetricFamily::default();
            family.set_name(name.to_owned());
            family.set_help(help.to_owned());
            family.set_field_type(kind);
            family
        });
        family.mut_metric().push(metric);
    }

    /// Returns all of them in the text format.
    ///
    /// # Errors
    /// When the library finds a family that cannot be.
    pub(super) fn text(self) -> anyhow::Result<String> {
        let families: Vec<MetricFamily> = self.0.into_values().collect();
        TextEncoder::new().encode_to_string(&families).context("cannot write the metrics")
    }
}

fn labelled(provider: Option<&str>, labels: &[(&'static str, &str)]) -> Metric {
    let provider = provider.map(|provider| ("provider", provider));
    let pair = |(name, value): (&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_owned());
        pair.set_value(value.to_owned());
        pair
    };
    let mut metric = Metric::default();
    metric.set_label(provider.into_iter().chain(labels.iter().copied()).map(pair).collect());
    metric
}
