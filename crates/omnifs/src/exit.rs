//! Exit codes, and what a command says when it fails.

use std::process::ExitCode;

/// How a command ends. The numbers are a promise to scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Exit {
    /// It did what was asked.
    Success = 0,
    /// It failed.
    Failure = 1,
    /// It was called wrongly.
    Usage = 2,
    /// It needs the daemon, which is not running.
    NotRunning = 3,
    /// The file of providers is missing or wrong.
    Config = 4,
    /// Some providers serve, but not all.
    Degraded = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command failed, and what to do about it.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The code to end with.
    pub(crate) exit: Exit,
    /// The whole text for the terminal when it is more than a reason and a remedy.
    report: Report,
}

#[derive(Debug)]
enum Report {
    Words { reason: String, remedy: Option<String> },
    Rendered(String),
}

impl Failure {
    /// Returns a failure with code 1.
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self { exit: Exit::Failure, report: Report::Words { reason: reason.into(), remedy: None } }
    }

    /// Changes the code.
    pub(crate) fn with(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// Says what to do about it.
    pub(crate) fn remedy(mut self, text: impl Into<String>) -> Self {
        if let Report::Words { remedy, .. } = &mut self.report {
            *remedy = Some(text.into());
        }
        self
    }

    /// Returns a failure whose text is complete, with its remedy and its line ends.
    pub(crate) fn rendered(exit: Exit, text: String) -> Self {
        Self { exit, report: Report::Rendered(text) }
    }

    /// Returns the text for standard error, with a line end.
    pub(crate) fn text(&self) -> String {
        match &self.report {
            Report::Rendered(text) => text.clone(),
            Report::Words { reason, remedy } => {
                let mut text = format!("error: {reason}\n");
                if let Some(remedy) = remedy {
                    text.push_str(&format!("  help: {remedy}\n"));
                }
                text
            }
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(format!("{error:#}"))
    }
}

impl From<crate::control::Trouble> for Failure {
    fn from(trouble: crate::control::Trouble) -> Self {
        Self::new(trouble.reason).remedy(trouble.remedy)
    }
}

impl From<crate::config::ConfigError> for Failure {
    fn from(error: crate::config::ConfigError) -> Self {
        Self::rendered(Exit::Config, error.render())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_manual() {
        let all = [
            Exit::Success,
            Exit::Failure,
            Exit::Usage,
            Exit::NotRunning,
            Exit::Config,
            Exit::Degraded,
        ];
        assert_eq!(all.map(|exit| exit as u8), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_failure_names_reason_and_remedy() {
        let failure = Failure::new("no").remedy("say yes");
        assert_eq!(failure.text(), "error: no\n  help: say yes\n");
        assert_eq!(failure.exit, Exit::Failure);
    }
}
