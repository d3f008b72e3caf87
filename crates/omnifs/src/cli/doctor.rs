//! `omnifs doctor`.

use super::output::{self, plain};
use crate::doctor::{self, Examination, Finding, Level};
use crate::exit::{Exit, Failure};
use crate::places::Places;

/// Prints what was found, each with its fix, and counts what needs one.
pub(super) fn list(places: &Places) -> Result<Exit, Failure> {
    let examination = doctor::examine(places);
    output::print(&text(&examination.findings))?;
    Ok(verdict(&examination))
}

/// Prints what was found as JSON.
pub(super) fn json(places: &Places) -> Result<Exit, Failure> {
    let examination = doctor::examine(places);
    let text = serde_json::to_string(&examination)
        .map_err(|error| Failure::new(format!("cannot print what was found: {error}")))?;
    output::print(&format!("{text}\n"))?;
    Ok(verdict(&examination))
}

fn verdict(examination: &Examination) -> Exit {
    let worst = examination.findings.iter().map(|finding| finding.level).max();
    if worst == Some(Level::Error) { Exit::Failure } else { Exit::Success }
}

fn text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for Finding { topic, level, text: found, fix } in findings {
        let found = plain(found).replace('\n', "\n  ");
        text.push_str(&format!("{}: {topic}: {found}\n", level.word()));
        if let Some(fix) = fix {
            text.push_str(&format!("  help: {}\n", plain(fix).replace('\n', "\n  ")));
        }
    }
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    let (errors, warnings) = (count(Level::Error), count(Level::Warning));
    text.push_str(&format!("errors: {errors}, warnings: {warnings}\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_a_line_and_its_fix_another() {
        let finding = |level, fix: Option<&str>| Finding {
            topic: "mount",
            level,
            text: "a\nb\x1b".to_owned(),
            fix: fix.map(str::to_owned),
        };
        let findings = [finding(Level::Ok, None), finding(Level::Error, Some("do"))];
        let expected = "ok: mount: a\n  b\\u{1b}\nerror: mount: a\n  b\\u{1b}\n  help: do\n\
                        errors: 1, warnings: 0\n";
        assert_eq!(text(&findings), expected);
    }
}
