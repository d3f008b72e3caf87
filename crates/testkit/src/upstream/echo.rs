//! An upstream that gives a credential back.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;

use super::answer::Answer;
use super::received::Received;

/// Returns the request in JSON.
pub(super) fn whole(request: &Received) -> Answer {
    let text = json!({
        "method": request.method,
        "target": request.target,
        "headers": request.headers,
        "body": String::from_utf8_lossy(&request.body),
    });
    Answer::json(text.to_string())
}

/// Returns the credential in a header of the request, in one of the forms; nothing when
/// there is no such header or form.
pub(super) fn credential(request: &Received, form: &str, header: &str) -> String {
    let value = request.header(header).unwrap_or_default();
    // After the scheme: `Bearer VALUE`.
    let value = value.rsplit(' ').next().unwrap_or_default();
    let each = |write: &dyn Fn(&mut String, u8) -> std::fmt::Result| {
        let mut text = String::new();
        value.bytes().try_for_each(|byte| write(&mut text, byte)).expect("a text takes it");
        text
    };
    match form {
        "raw" => value.to_owned(),
        "base64" => STANDARD.encode(value),
        "base64url" => URL_SAFE_NO_PAD.encode(value),
        "percent" => each(&|text, byte| write!(text, "%{byte:02X}")),
        "hex" => each(&|text, byte| write!(text, "{byte:02x}")),
        "HEX" => each(&|text, byte| write!(text, "{byte:02X}")),
        "json" => each(&|text, byte| write!(text, "\\u{byte:04x}")),
        _ => String::new(),
    }
}
