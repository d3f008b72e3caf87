//! What a component says it needs, and `needs!`.

/// The most that the host reads of the section `omnifs:needs`, in bytes.
#[doc(hidden)]
pub const NEEDS_MAX: usize = 64 << 10;

/// Says what this provider needs, for the user who decides what to grant; call it once, at
/// the root of the crate.
///
/// ```
/// omnifs_provider::needs! {
///     http: ["https://api.example.com"],
///     secrets: ["MY_API_KEY"],
///     live: false,
/// }
/// # fn main() {}
/// ```
///
/// - `http`: where requests go, each an entry as `[provider.capabilities] http.allow` takes
///   it: `"api.example.com"` (https on port 443 alone), `"api.example.com:8443"`,
///   `"http://localhost"`, `"*.example.com"`. What is not listed is refused, whatever the
///   user grants. Leave `http` out when the hosts are the user's choice; `http: []` means
///   none at all.
/// - `more_http`: whether the user may grant other hosts besides those of `http`, which are then
///   what the provider goes to unless its configuration says otherwise. Left out it is `false`.
/// - `http_of`: the keys of `[provider.config]` whose values are URLs that it asks for, where the
///   hosts are the user's choice, letters, digits, `_` and `-` each: `http_of: ["base_url"]`.
///   `omnifs provider add` asks for a configuration that has them, and grants their hosts.
/// - `secrets`: names of secrets, 1 to 64 letters, digits, `_`, `-` and `.` each. Leave it
///   out likewise.
/// - `live`: whether files grow while they are read, which costs every reader of the mount a
///   little. Left out it is `false`. Where it is `true`, looking a name up and reading a file get
///   what the upstream has now: an answer that was kept is used again only if the upstream confirms
///   it by its `ETag`, whatever its `Cache-Control` says, so let the tag of a file that grows change
///   with it. Parts (206) are never kept.
///
/// The component carries it as JSON, at most 64 KiB, in its section `omnifs:needs`, where
/// `omnifs check` and `omnifs provider add` find it. The host enforces it: allowed is what is
/// declared here *and* granted there.
///
/// Everything is checked when the crate compiles; an entry has no space, quote, backslash or
/// control character:
///
/// ```compile_fail
/// omnifs_provider::needs! { http: ["api.example.com\""] }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! needs {
    ($($key:ident: $value:tt),* $(,)?) => {
        const _: () = {
            // The compiler refuses a field that is there twice.
            struct _Keys { $($key: ()),* }
            $($crate::__need_check!($key $value);)*
            const JSON: &str = $crate::__needs_json!($($key: $value),*);
            const _: () = assert!(JSON.len() <= $crate::NEEDS_MAX, "needs! has over 64 KiB");
            // In the author's crate, not in ours: the linker drops what nothing refers to.
            #[cfg(target_arch = "wasm32")]
            #[unsafe(link_section = "omnifs:needs")]
            #[used]
            static NEEDS: [u8; JSON.len()] = match JSON.as_bytes().first_chunk() {
                Some(bytes) => *bytes,
                None => [0; JSON.len()],
            };
        };
    };
}

/// Makes the JSON.
#[doc(hidden)]
#[macro_export]
macro_rules! __needs_json {
    () => { "{}" };
    ($first:ident: $value:tt $(, $key:ident: $further:tt)*) => {
        concat!(
            "{", $crate::__need_json!($first $value)
            $(, ",", $crate::__need_json!($key $further))*, "}"
        )
    };
}

/// Makes the JSON of one key.
#[doc(hidden)]
#[macro_export]
macro_rules! __need_json {
    (http [$($entry:literal),* $(,)?]) => {
        concat!("\"http\":", $crate::__need_list!($($entry),*))
    };
    (secrets [$($name:literal),* $(,)?]) => {
        concat!("\"secrets\":", $crate::__need_list!($($name),*))
    };
    (more_http true) => { "\"more_http\":true" };
    (more_http false) => { "\"more_http\":false" };
    (http_of [$($key:literal),* $(,)?]) => {
        concat!("\"http_of\":", $crate::__need_list!($($key),*))
    };
    (live true) => { "\"live\":true" };
    (live false) => { "\"live\":false" };
    ($key:ident $value:tt) => {
        compile_error!(
            "needs! takes http: [\"...\"], http_of: [\"...\"], secrets: [\"...\"], more_http and live: true \
             or false"
        )
    };
}

/// Makes the JSON of a list of texts that need no escape.
#[doc(hidden)]
#[macro_export]
macro_rules! __need_list {
    () => { "[]" };
    ($first:literal $(, $further:literal)*) => {
        concat!("[\"", $first, "\"" $(, ",\"", $further, "\"")*, "]")
    };
}

/// Checks the texts of one key.
#[doc(hidden)]
#[macro_export]
macro_rules! __need_check {
    (http [$($entry:literal),* $(,)?]) => { $(const _: () = $crate::check_host($entry);)* };
    (secrets [$($name:literal),* $(,)?]) => { $(const _: () = $crate::check_secret($name);)* };
    (http_of [$($key:literal),* $(,)?]) => { $(const _: () = $crate::check_key($key);)* };
    // `__need_json!` names what is wrong with the rest.
    ($key:ident $value:tt) => {};
}

/// Stops the compiler at an entry that cannot stand in the JSON, or that allows everything.
#[doc(hidden)]
pub const fn check_host(entry: &str) {
    assert!(!entry.is_empty(), "needs!: an entry of http is empty");
    assert!(
        !matches!(entry.as_bytes(), b"*"),
        "needs!: \"*\" in http would be every host there is"
    );
    let mut rest = entry.as_bytes();
    while let [byte, tail @ ..] = rest {
        assert!(
            matches!(byte, 0x21..=0x7e) && !matches!(byte, b'"' | b'\\'),
            "needs!: an entry of http has printable ASCII characters, without space, quote and \
             backslash"
        );
        rest = tail;
    }
}

/// Stops the compiler at a text that the configuration does not take for a secret's name.
#[doc(hidden)]
pub const fn check_secret(name: &str) {
    assert!(
        !name.is_empty() && name.len() <= 64,
        "needs!: the name of a secret has 1 to 64 characters"
    );
    let mut rest = name.as_bytes();
    while let [byte, tail @ ..] = rest {
        assert!(
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'),
            "needs!: the name of a secret has letters, digits, `_`, `-` and `.`"
        );
        rest = tail;
    }
}

/// Stops the compiler at a text that is no plain key of TOML.
#[doc(hidden)]
pub const fn check_key(key: &str) {
    assert!(!key.is_empty(), "needs!: a key in http_of is empty");
    let mut rest = key.as_bytes();
    while let [byte, tail @ ..] = rest {
        assert!(
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
            "needs!: a key in http_of has letters, digits, `_` and `-`"
        );
        rest = tail;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{self, json};

    fn parsed(text: &str) -> serde_json::Value {
        serde_json::from_str(text).expect("JSON")
    }

    #[test]
    fn the_json_has_what_was_written() {
        let whole = crate::__needs_json!(
            http: ["https://api.example.com", "*.example.org:8443"],
            secrets: ["MY_API_KEY",],
            live: true
        );
        let expected = json!({
            "http": ["https://api.example.com", "*.example.org:8443"],
            "secrets": ["MY_API_KEY"],
            "live": true,
        });
        assert_eq!(parsed(whole), expected);
    }

    #[test]
    fn what_is_left_out_is_not_there_and_nothing_is_an_empty_list() {
        assert_eq!(crate::__needs_json!(), "{}");
        assert_eq!(crate::__needs_json!(http: []), r#"{"http":[]}"#);
        assert_eq!(crate::__needs_json!(live: false), r#"{"live":false}"#);
        assert_eq!(crate::__needs_json!(more_http: true), r#"{"more_http":true}"#);
        assert_eq!(crate::__needs_json!(http_of: ["url"]), r#"{"http_of":["url"]}"#);
        crate::needs! { secrets: ["A", "B"], http: ["localhost"], http_of: ["url"] }
    }

    #[test]
    fn bad_entries_stop_the_compiler() {
        let refused = |check: fn(&str), text: &'static str| {
            std::panic::catch_unwind(move || check(text)).is_err()
        };
        for entry in ["", "*", "a b", "a\"", "a\\", "a\n", "\u{fc}.de", "a\u{7f}"] {
            assert!(refused(super::check_host, entry), "{entry:?}");
        }
        for name in ["", "a b", "a\"", "\u{fc}"] {
            assert!(refused(super::check_secret, name), "{name:?}");
        }
        for key in ["", "a b", "a.b", "a\"", "\u{fc}"] {
            assert!(refused(super::check_key, key), "{key:?}");
        }
        super::check_key("base_url-2");
        super::check_host("http://[::1]:8080");
        super::check_secret("gh.token-2_B");
    }
}
