//! Templates of paths: `/{owner}/{repo}/issues/v{number}/{*rest}`.

use std::fmt;

/// One name of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    /// This name.
    Literal(String),
    /// Any name that begins like this; what follows is the value.
    Capture { prefix: String, name: String },
    /// All names that are left.
    Rest { name: String },
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(name) => f.write_str(name),
            Self::Capture { prefix, name } => write!(f, "{prefix}{{{name}}}"),
            Self::Rest { name } => write!(f, "{{*{name}}}"),
        }
    }
}

/// Takes a template apart.
///
/// # Errors
/// What is wrong with it, in words that follow its text.
pub(super) fn parse(template: &str) -> Result<Vec<Segment>, String> {
    let Some(path) = template.strip_prefix('/') else {
        return Err("does not begin with /".to_string());
    };
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<&str> = path.split('/').collect();
    let last = names.len() - 1;
    let mut segments = Vec::with_capacity(names.len());
    for (place, name) in names.into_iter().enumerate() {
        let segment = segment(name)?;
        if matches!(segment, Segment::Rest { .. }) && place != last {
            return Err(format!("goes on after {segment}, which takes all that is left"));
        }
        segments.push(segment);
    }
    Ok(segments)
}

fn segment(text: &str) -> Result<Segment, String> {
    let Some((prefix, rest)) = text.split_once('{') else {
        if text.contains('}') {
            return Err(format!("has a }} without a {{ in {text:?}"));
        }
        if matches!(text, "" | "." | "..") {
            return Err(format!("has the name {text:?}"));
        }
        return Ok(Segment::Literal(text.to_string()));
    };
    let Some((name, after)) = rest.split_once('}') else {
        return Err(format!("has a {{ without a }} in {text:?}"));
    };
    if !after.is_empty() {
        return Err(format!(
            "has something after the capture in {text:?}: only before it may be text"
        ));
    }
    let (name, is_rest) = match name.strip_prefix('*') {
        Some(name) => (name, true),
        None => (name, false),
    };
    let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.is_empty() || !name.bytes().all(good) {
        return Err(format!("has a capture called {name:?}: letters, digits and _ make a name"));
    }
    let name = name.to_string();
    match (is_rest, prefix) {
        (true, "") => Ok(Segment::Rest { name }),
        (true, _) => Err(format!("has something before {{*{name}}}")),
        (false, prefix) => Ok(Segment::Capture { prefix: prefix.to_string(), name }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_templates_apart() {
        assert_eq!(parse("/").expect("good"), []);
        let all = parse("/a/{b}/v{c_1}/{*d}").expect("good");
        let shown: Vec<String> = all.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["a", "{b}", "v{c_1}", "{*d}"]);
    }

    #[test]
    fn says_what_is_wrong() {
        for (template, why) in [
            ("a", "does not begin with /"),
            ("/a//b", "has the name \"\""),
            ("/a/", "has the name \"\""),
            ("/..", "has the name \"..\""),
            ("/{a", "has a { without a } in \"{a\""),
            ("/a}", "has a } without a { in \"a}\""),
            ("/{a}b", "has something after the capture"),
            ("/{}", "has a capture called \"\""),
            ("/{a-b}", "has a capture called \"a-b\""),
            ("/{*a}/b", "goes on after {*a}"),
            ("/x{*a}", "has something before {*a}"),
        ] {
            let error = parse(template).expect_err(template);
            assert!(error.starts_with(why), "{template}: {error}");
        }
    }
}
