//! The providers as a table, and how well they serve all in all.

use comfy_table::{ContentArrangement, Table, presets};

use super::output::{plain, size};
use crate::control::{ProviderStatus, State, Trouble, UpstreamStatus};
use crate::exit::Exit;

/// Which columns a table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Columns {
    /// Name, mount and state.
    Short,
    /// The instances, too.
    Full,
    /// What it takes and did, too.
    Wide,
}

/// Returns the table, or the empty text when there are no providers.
pub(super) fn table(providers: &[ProviderStatus], columns: Columns) -> String {
    if providers.is_empty() {
        return String::new();
    }
    let mut heads = vec!["NAME", "MOUNT", "STATE"];
    if columns != Columns::Short {
        heads.push("INSTANCES");
    }
    if columns == Columns::Wide {
        heads.extend(["MEMORY", "DISK", "REQUESTS", "ERRORS", "TRAPS", "WATCH"]);
    }
    let row = |provider: &ProviderStatus| {
        let mut cells =
            vec![provider.name.clone(), plain(&provider.mount), provider.state.word().to_owned()];
        if columns != Columns::Short {
            cells.push(provider.instances.to_string());
        }
        if columns == Columns::Wide {
            let of_all = |count: fn(&UpstreamStatus) -> u64| provider.http.iter().map(count).sum();
            let (requests, errors): (u64, u64) = (of_all(|h| h.requests), of_all(|h| h.errors));
            cells.extend([size(provider.memory.total()), size(provider.cache.disk)]);
            cells.extend([requests, errors, provider.traps].map(|count| count.to_string()));
            cells.push(provider.watch.state.word().to_owned());
        }
        cells
    };
    aligned(&heads, providers.iter().map(row))
}

/// Returns lines whose columns are as wide as they must be.
pub(super) fn aligned(heads: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.add_row(heads);
    table.add_rows(rows);
    // One space left of a cell and one right is what the library has at least.
    let lines = table.lines().map(|line| format!("{}\n", line.trim()));
    lines.collect()
}

/// Returns what is wrong with each provider and what to do about it, or the empty text.
pub(super) fn troubles(providers: &[ProviderStatus]) -> String {
    let mut text = String::new();
    for ProviderStatus { name, error, .. } in providers {
        if let Some(trouble) = error {
            text.push_str(&trouble_of(name, trouble));
        }
    }
    text
}

/// Returns what is wrong with one provider and what to do about it.
pub(super) fn trouble_of(name: &str, trouble: &Trouble) -> String {
    let lines = |text: &str| plain(text).replace('\n', "\n  ");
    let (reason, remedy) = (lines(&trouble.reason), lines(&trouble.remedy));
    format!("error: {name}: {reason}\n  help: {remedy}\n")
}

/// Returns the code for providers that are in these states.
pub(super) fn verdict(providers: &[ProviderStatus]) -> Exit {
    let serves = |state| matches!(state, State::Ready | State::Degraded);
    if providers.iter().all(|provider| provider.state == State::Ready) {
        Exit::Success
    } else if providers.iter().any(|provider| serves(provider.state)) {
        Exit::Degraded
    } else {
        Exit::Failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{CacheStatus, MemoryStatus, WatchStatus};

    fn provider(name: &str, state: State) -> ProviderStatus {
        ProviderStatus {
            name: name.to_owned(),
            path: format!("/{name}.wasm"),
            mount: format!("/omnifs/{name}"),
            state,
            error: None,
            face: 1,
            instances: 1,
            traps: 0,
            http: Vec::new(),
            cache: CacheStatus { memory: 1 << 20, disk: 2 << 20 },
            memory: MemoryStatus { instances: 1 << 20, cache: 1 << 20, nodes: 512, http: 0 },
            watch: WatchStatus::default(),
        }
    }

    #[test]
    fn columns_are_as_wide_as_they_must() {
        let providers = [provider("a", State::Ready), provider("much-longer", State::Failed)];
        let expected = "\
NAME         MOUNT                STATE
a            /omnifs/a            ready
much-longer  /omnifs/much-longer  failed
";
        assert_eq!(table(&providers, Columns::Short), expected);
        assert!(
            table(&providers, Columns::Full)
                .starts_with("NAME         MOUNT                STATE   INSTANCES\n")
        );
        let mut asked = provider("a", State::Ready);
        let host = |host: &str, requests, errors| UpstreamStatus {
            host: host.to_owned(),
            requests,
            errors,
            limited_until: None,
        };
        asked.http = vec![host("https://one", 5, 1), host("https://two", 6, 0)];
        let expected = "\
NAME  MOUNT      STATE  INSTANCES  MEMORY   DISK     REQUESTS  ERRORS  TRAPS  WATCH
a     /omnifs/a  ready  1          2.0 MiB  2.0 MiB  11        1       0      none
";
        assert_eq!(table(&[asked], Columns::Wide), expected);
        assert_eq!(table(&[], Columns::Full), "");
    }

    #[test]
    fn troubles_name_provider_reason_and_remedy() {
        let mut broken = provider("b", State::Failed);
        broken.error = Some(Trouble { reason: "one\x1b\ntwo".to_owned(), remedy: "do".to_owned() });
        let providers = [provider("a", State::Ready), broken];
        assert_eq!(troubles(&providers), "error: b: one\\u{1b}\n  two\n  help: do\n");
    }

    #[test]
    fn the_code_tells_all_some_and_none_apart() {
        let code = |states: &[State]| {
            let providers: Vec<_> = states.iter().map(|state| provider("a", *state)).collect();
            verdict(&providers)
        };
        assert_eq!(code(&[]), Exit::Success);
        assert_eq!(code(&[State::Ready, State::Ready]), Exit::Success);
        assert_eq!(code(&[State::Ready, State::Failed]), Exit::Degraded);
        assert_eq!(code(&[State::Degraded]), Exit::Degraded);
        assert_eq!(code(&[State::Unmounted, State::Failed]), Exit::Failure);
    }
}
