//! Changes of the file that a command makes: everything else in it stays as it is written.

use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TomlError, Value};

/// The key of all providers.
const PROVIDERS: &str = "provider";

/// The key of what a provider is granted.
const CAPABILITIES: &str = "capabilities";

/// The key of what a provider is told.
const SETTINGS: &str = "config";

/// The keys of a new provider, as they are to be written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// Its name.
    pub(crate) name: String,
    /// Its component: a path, or `builtin:NAME`.
    pub(crate) path: String,
    /// Where it is to be mounted.
    pub(crate) mount: String,
    /// What is granted: entries of `http.allow`, each a host or an inline table.
    pub(crate) allow: Vec<String>,
    /// What is granted: secrets, each with the variable that has its value.
    pub(crate) secrets: Vec<(String, String)>,
    /// What it is told: `[provider.config]`.
    pub(crate) settings: toml::Table,
}

impl Entry {
    fn keys(&self) -> [(&'static str, &str); 3] {
        [("name", &self.name), ("path", &self.path), ("mount", &self.mount)]
    }

    /// Returns what is granted as the values of `[provider.capabilities]`.
    fn grants(&self) -> Vec<(&'static str, Value)> {
        let mut grants = Vec::new();
        if !self.allow.is_empty() {
            let allow: Array = self.allow.iter().map(|text| allowed(text)).collect();
            let http: InlineTable = [("allow", allow)].into_iter().collect();
            grants.push(("http", Value::from(http)));
        }
        if !self.secrets.is_empty() {
            let source = |(name, variable): &(String, String)| -> (String, InlineTable) {
                (name.clone(), [("env", variable.as_str())].into_iter().collect())
            };
            let secrets: InlineTable = self.secrets.iter().map(source).collect();
            grants.push(("secrets", Value::from(secrets)));
        }
        grants
    }

    /// Returns what it is told, if it is told anything.
    fn settings(&self) -> Result<Option<Table>, TomlError> {
        if self.settings.is_empty() {
            return Ok(None);
        }
        // A table of the one library is a text for the other.
        let document: DocumentMut = self.settings.to_string().parse()?;
        Ok(Some(document.as_table().clone()))
    }
}

/// Returns an entry of `http.allow` as a value: a table, or a text.
fn allowed(text: &str) -> Value {
    let table = text.starts_with('{').then(|| text.parse::<Value>().ok()).flatten();
    table.unwrap_or_else(|| text.into())
}

/// Returns the text with one more provider, after those that it has.
///
/// # Errors
/// When the text is no TOML.
pub(crate) fn add(text: &str, entry: &Entry) -> Result<String, TomlError> {
    let mut document: DocumentMut = text.parse()?;
    if let Some(array) = document.get_mut(PROVIDERS).and_then(Item::as_array_mut) {
        let mut table: InlineTable = entry.keys().into_iter().collect();
        let grants = entry.grants();
        if !grants.is_empty() {
            table.insert(CAPABILITIES, Value::from(grants.into_iter().collect::<InlineTable>()));
        }
        if let Some(settings) = entry.settings()? {
            table.insert(SETTINGS, Value::from(settings.into_inline_table()));
        }
        array.push(table);
        return Ok(document.to_string());
    }
    let mut table = Table::new();
    for (key, value) in entry.keys() {
        table.insert(key, toml_edit::value(value));
    }
    let grants = entry.grants();
    if !grants.is_empty() {
        let mut capabilities = Table::new();
        for (key, value) in grants {
            capabilities.insert(key, toml_edit::value(value));
        }
        table.insert(CAPABILITIES, Item::Table(capabilities));
    }
    if let Some(mut settings) = entry.settings()? {
        // It has a place of its own in the file that it was made as.
        settings.set_position(None);
        table.insert(SETTINGS, Item::Table(settings));
    }
    let mut tables = ArrayOfTables::new();
    tables.push(table);
    let mut addition = DocumentMut::new();
    addition.insert(PROVIDERS, Item::ArrayOfTables(tables));
    // A table goes behind everything, so that what is there need not even be written anew.
    let mut whole = text.to_owned();
    if !whole.is_empty() {
        if !whole.ends_with('\n') {
            whole.push('\n');
        }
        whole.push('\n');
    }
    whole.push_str(&addition.to_string());
    Ok(whole)
}

/// Returns the text without the provider of this name, or `None` when it has none such. What
/// stands above the provider, comments and empty lines, is kept.
///
/// # Errors
/// When the text is no TOML.
pub(crate) fn remove(text: &str, name: &str) -> Result<Option<String>, TomlError> {
    let mut document: DocumentMut = text.parse()?;
    let removed = match document.get_mut(PROVIDERS) {
        Some(Item::Value(Value::Array(array))) => remove_value(array, name).then(String::new),
        Some(Item::ArrayOfTables(tables)) => remove_table(tables, name),
        _ => None,
    };
    let Some(above) = removed else { return Ok(None) };
    let trailing = document.trailing().as_str().unwrap_or_default();
    // Empty lines at the end separate nothing any more.
    let above = if above.trim().is_empty() { "" } else { &above };
    let trailing = format!("{above}{trailing}");
    document.set_trailing(trailing);
    Ok(Some(document.to_string()))
}

fn is_named(value: Option<&str>, name: &str) -> bool {
    value == Some(name)
}

fn remove_value(array: &mut Array, name: &str) -> bool {
    let named = |value: &Value| {
        let table = value.as_inline_table();
        is_named(table.and_then(|table| table.get("name")).and_then(Value::as_str), name)
    };
    let Some(index) = array.iter().position(named) else { return false };
    array.remove(index);
    true
}

/// Removes the table and gives what stands above it to the next one; returns that when there
/// is no next one.
fn remove_table(tables: &mut ArrayOfTables, name: &str) -> Option<String> {
    let named = |table: &Table| is_named(table.get("name").and_then(Item::as_str), name);
    let index = tables.iter().position(named)?;
    let above = tables.get(index).map(prefix).unwrap_or_default();
    tables.remove(index);
    let Some(next) = tables.get_mut(index) else { return Some(above) };
    // Of the empty lines between the two, those of one are enough.
    let kept = joined(&above, &prefix(next));
    next.decor_mut().set_prefix(kept);
    Some(String::new())
}

fn prefix(table: &Table) -> String {
    let prefix = table.decor().prefix().and_then(|prefix| prefix.as_str());
    prefix.unwrap_or_default().to_owned()
}

/// Joins what stood above a removed table with what comes after it; of mere empty lines those
/// of one are enough.
fn joined(above: &str, below: &str) -> String {
    match (above.trim().is_empty(), below.trim().is_empty()) {
        (true, true) => above.to_owned(),
        (true, false) => below.to_owned(),
        (false, _) => format!("{above}{below}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# My providers.

[[provider]] # the first
name = \"a\"   # odd   spaces
path = '/a.wasm'
mount = \"/m/a\"
[provider.limits]
call = 5
# about b
[[provider]]
name = \"b\"
path = \"/b.wasm\"
mount = \"/m/b\"

# about the host
[host]
allow_other = false
# the end
";

    fn entry() -> Entry {
        Entry {
            name: "n".into(),
            path: "/with \"quotes\"".into(),
            mount: "~/omnifs/n".into(),
            allow: Vec::new(),
            secrets: Vec::new(),
            settings: toml::Table::new(),
        }
    }

    #[test]
    fn a_new_provider_follows_all_that_was_there() {
        let added =
            "[[provider]]\nname = \"n\"\npath = '/with \"quotes\"'\nmount = \"~/omnifs/n\"\n";
        assert_eq!(add("", &entry()).unwrap(), added);
        assert_eq!(add(FILE, &entry()).unwrap(), format!("{FILE}\n{added}"));
        assert_eq!(
            add("# only a comment", &entry()).unwrap(),
            format!("# only a comment\n\n{added}")
        );
    }

    #[test]
    fn a_list_in_brackets_is_continued() {
        let text = "provider = [{ name = \"a\", path = \"/a\", mount = \"/m\" }] # mine\n";
        let longer = add(text, &entry()).unwrap();
        let tail =
            ", { name = \"n\", path = '/with \"quotes\"', mount = \"~/omnifs/n\" }] # mine\n";
        assert_eq!(longer, text.replace("] # mine\n", tail));
        assert_eq!(remove(&longer, "n").unwrap().as_deref(), Some(text));
    }

    #[test]
    fn a_removed_provider_takes_its_own_lines_alone() {
        let own = "[[provider]] # the first\nname = \"a\"   # odd   spaces\npath = '/a.wasm'\n\
                   mount = \"/m/a\"\n[provider.limits]\ncall = 5\n";
        assert_eq!(remove(FILE, "a").unwrap(), Some(FILE.replace(own, "")));
        let without = remove(FILE, "b").unwrap().unwrap();
        for comment in
            ["# My providers.", "# the first", "# about b", "# about the host", "# the end"]
        {
            assert!(without.contains(comment), "{comment}: {without}");
        }
        assert!(!without.contains("/b.wasm") && without.contains("/a.wasm"), "{without}");
        assert_eq!(remove(FILE, "c").unwrap(), None);
        assert_eq!(remove("", "c").unwrap(), None);
        assert_eq!(remove(&add("", &entry()).unwrap(), "n").unwrap().as_deref(), Some(""));
    }

    #[test]
    fn what_was_added_and_removed_leaves_the_file_as_it_was() {
        let back = remove(&add(FILE, &entry()).unwrap(), "n").unwrap().unwrap();
        // The line that set the addition apart from a closing comment is now that comment's.
        assert_eq!(back, format!("{FILE}\n"));
        let plain = FILE.trim_end_matches("# the end\n");
        assert_eq!(remove(&add(plain, &entry()).unwrap(), "n").unwrap().as_deref(), Some(plain));
    }

    #[test]
    fn no_toml_is_refused() {
        assert!(add("[[provider", &entry()).is_err());
        assert!(remove("[[provider", "a").is_err());
    }

    #[test]
    fn grants_are_written_as_the_page_has_them() {
        let secrets = vec![("K".into(), "K".into())];
        let entry = Entry { allow: vec!["a.example".into()], secrets, ..entry() };
        let text = add("", &entry).unwrap();
        let grants = "\n[provider.capabilities]\n\
                      http = { allow = [\"a.example\"] }\n\
                      secrets = { K = { env = \"K\" } }\n";
        assert!(text.ends_with(grants), "{text}");
        let inline = add("provider = []\n", &entry).unwrap();
        assert!(inline.contains("capabilities = { http = { allow = [\"a.example\"] }"), "{inline}");
    }

    #[test]
    fn what_a_provider_is_told_is_a_table_of_its_own() {
        let settings = "url = \"https://a.example/\"\ndeep = { list = [1, 2] }\n";
        let table = "{ host = \"http://nas\", allow_private = true }";
        let entry = Entry {
            allow: vec!["a.example".into(), table.into()],
            settings: settings.parse().unwrap(),
            ..entry()
        };
        let text = add("", &entry).unwrap();
        let read: toml::Table = text.parse().unwrap();
        let provider = &read["provider"][0];
        assert_eq!(provider["config"], settings.parse::<toml::Table>().unwrap().into());
        let allow = &provider["capabilities"]["http"]["allow"];
        assert_eq!(allow[0].as_str(), Some("a.example"));
        assert_eq!(allow[1]["allow_private"].as_bool(), Some(true));
        assert!(text.contains("\n[provider.config]\n"), "{text}");
        let inline: toml::Table = add("provider = []\n", &entry).unwrap().parse().unwrap();
        assert_eq!(inline["provider"][0]["config"], provider["config"]);
    }
}
