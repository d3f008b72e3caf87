//! What is served is what the page says, and what its readers can read.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::control::activity::{Answers, CallCounts};
use crate::control::{DiskCounts, SCHEMA};

/// Returns the counts of a provider that has something of everything.
fn counts() -> Counts {
    let disk = DiskCounts { records: 1, hits: 2, misses: 3, damaged: 4, dropped: 5 };
    Counts {
        requests: Requests {
            by_op: BTreeMap::from([("LOOKUP".to_owned(), 7)]),
            by_errno: BTreeMap::from([("EIO".to_owned(), 1)]),
            waiting: 1,
        },
        answers: vec![Answers { op: "read".to_owned(), layer: "disk".to_owned(), count: 4 }],
        calls: Calls {
            by_op: vec![CallCounts {
                op: "read-file".to_owned(),
                buckets: vec![(Some(0.005), 2), (Some(0.01), 0), (None, 1)],
                total: 1.5,
                failed: 1,
            }],
            ..Calls::default()
        },
        disk: Some(DiskReport { bytes: 10, budget: Some(20), counts: Some(disk), trouble: None }),
        ..Counts::default()
    }
}

fn activity(names: &[&str]) -> Activity {
    let provider = |name: &&str| ProviderActivity {
        name: (*name).to_owned(),
        state: State::Ready,
        counts: Some(counts()),
    };
    Activity {
        schema: SCHEMA,
        version: "1.0.0".to_owned(),
        uptime: 12.5,
        providers: names.iter().map(provider).collect(),
    }
}

/// Returns the labels of a family's first series, `le` left out.
fn labels(text: &str, name: &str) -> String {
    let of_it = |line: &&str| {
        let rest = line.strip_prefix(name).unwrap_or_default();
        let rest = rest.strip_prefix("_bucket").unwrap_or(rest);
        rest.starts_with(['{', ' '])
    };
    let line = text.lines().find(of_it).unwrap();
    let Some((_, inside)) = line.split_once('{') else { return String::new() };
    let names = inside.split("\",").filter_map(|pair| pair.split('=').next());
    let names: Vec<String> =
        names.filter(|name| *name != "le").map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

#[test]
fn the_page_has_every_series_as_it_is_served() {
    let page = include_str!("../../../../../docs/metrics.md");
    let text = text(&activity(&["hello"])).unwrap();
    let mut served = BTreeSet::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        served.insert(format!("| `{name}` | {kind} | {} |", labels(&text, name)));
    }
    assert_eq!(served.len(), 24);
    let rows = page.lines().filter(|line| line.starts_with("| `omnifs_"));
    let documented: BTreeSet<String> =
        rows.map(|row| row.split_inclusive('|').take(4).collect::<String>()).collect();
    assert_eq!(documented, served);
}

#[test]
fn a_sample_is_written_to_the_byte() {
    let text = text(&activity(&["a", "b"])).unwrap();
    let times: String = text
        .lines()
        .filter(|line| line.contains("omnifs_call_duration_seconds") && !line.contains("\"b\""))
        .map(|line| format!("{line}\n"))
        .collect();
    let expected = r#"# HELP omnifs_call_duration_seconds How long calls of the component took, from when they were wanted to their end.
# TYPE omnifs_call_duration_seconds histogram
omnifs_call_duration_seconds_bucket{provider="a",op="read-file",le="0.005"} 2
omnifs_call_duration_seconds_bucket{provider="a",op="read-file",le="0.01"} 2
omnifs_call_duration_seconds_bucket{provider="a",op="read-file",le="+Inf"} 3
omnifs_call_duration_seconds_sum{provider="a",op="read-file"} 1.5
omnifs_call_duration_seconds_count{provider="a",op="read-file"} 3
"#;
    assert_eq!(times, expected);
    let requests = "# TYPE omnifs_requests_total counter\n\
                    omnifs_requests_total{provider=\"a\",op=\"LOOKUP\"} 7\n\
                    omnifs_requests_total{provider=\"b\",op=\"LOOKUP\"} 7\n";
    assert!(text.contains(requests), "{text}");
    assert!(text.contains("omnifs_provider_state{provider=\"a\",state=\"ready\"} 1\n"), "{text}");
    assert!(text.contains("omnifs_provider_state{provider=\"a\",state=\"failed\"} 0\n"), "{text}");
}

#[test]
fn a_name_cannot_break_a_line() {
    let text = text(&activity(&["a\"} 1\nomnifs_forged 1\\"])).unwrap();
    assert!(!text.lines().any(|line| line.starts_with("omnifs_forged")), "{text}");
    let value = r#"omnifs_traps_total{provider="a\"} 1\nomnifs_forged 1\\"} 0"#;
    assert!(text.lines().any(|line| line == value), "{text}");
}

/// The rules of `promtool check metrics`.
#[test]
fn names_and_units_are_those_of_prometheus() {
    let text = text(&activity(&["a"])).unwrap();
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        assert!(text.contains(&format!("# HELP {name} ")), "{name}");
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
        let is_word = |c: char| c.is_ascii_lowercase() || c == '_';
        assert!(name.starts_with("omnifs_") && name.chars().all(is_word), "{name}");
        for unit in ["milliseconds", "minutes", "kilobytes", "percent", "_count", "_sum", "_bucket"]
        {
            assert!(!name.contains(unit), "{name}");
        }
    }
}
