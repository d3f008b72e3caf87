//! Mistakes in the file, shown with the line and a caret below it.

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use miette::{GraphicalReportHandler, GraphicalTheme, NamedSource, SourceSpan, ThemeCharacters};

/// A mistake at a place of the text.
#[derive(Debug)]
pub(super) struct Problem {
    /// Which bytes of the file.
    pub(super) span: Range<usize>,
    /// What is wrong, with the value that is.
    pub(super) message: String,
    /// What stands below the caret.
    pub(super) label: String,
    /// What to do about it.
    pub(super) help: Option<String>,
}

impl Problem {
    /// Returns a problem whose caret says `label`.
    pub(super) fn new(
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Self {
        Self { span, message: message.into(), label: label.into(), help: None }
    }

    /// Adds the remedy.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Returns the error for a file of this name and text.
    pub(super) fn in_file(self, file: &Path, text: String) -> ConfigError {
        ConfigError {
            message: self.message,
            help: self.help,
            place: Some(Place {
                source: Arc::new(NamedSource::new(file.display().to_string(), text)),
                span: self.span.into(),
                label: self.label,
            }),
        }
    }
}

/// What the file of providers has that it must not have.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ConfigError {
    message: String,
    help: Option<String>,
    place: Option<Place>,
}

#[derive(Debug)]
struct Place {
    source: Arc<NamedSource<String>>,
    span: SourceSpan,
    label: String,
}

impl miette::Diagnostic for ConfigError {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn std::fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.place.as_ref().map(|place| &*place.source as &dyn miette::SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = miette::LabeledSpan> + '_>> {
        let place = self.place.as_ref()?;
        let label = miette::LabeledSpan::new_with_span(Some(place.label.clone()), place.span);
        Some(Box::new(std::iter::once(label)))
    }
}

/// What a new user has to put into the file.
const EXAMPLE: &str = r#"[[provider]]
name = "my-provider"
path = "/absolute/path/to/my_provider.wasm"
mount = "/omnifs/my-provider""#;

impl ConfigError {
    /// Returns the error for a file that cannot be read.
    pub(super) fn unreadable(file: &Path, error: &io::Error) -> Self {
        let file = file.display();
        let (message, help) = if error.kind() == io::ErrorKind::NotFound {
            (
                format!("there is no configuration at {file}"),
                format!("create it and name a provider:\n\n{EXAMPLE}"),
            )
        } else {
            (
                format!("cannot read the configuration {file}: {error}"),
                "correct the file or its permissions, or name another in OMNIFS_CONFIG".to_owned(),
            )
        };
        Self { message, help: Some(help), place: None }
    }

    /// Returns the text for a terminal: the reason, the line with a caret, the remedy. It
    /// holds colour codes, which the writer takes out where nobody wants them.
    pub(crate) fn render(&self) -> String {
        let characters =
            ThemeCharacters { error: "error:".to_owned(), ..ThemeCharacters::unicode() };
        let theme = GraphicalTheme { characters, ..GraphicalTheme::unicode() };
        let handler = GraphicalReportHandler::new_themed(theme).with_links(false).with_width(200);
        let mut text = String::new();
        match handler.render_report(&mut text, self) {
            // The first line stands at the margin, like that of every other error.
            Ok(()) => text.trim_start().to_owned(),
            Err(std::fmt::Error) => format!("error: {self}\n"),
        }
    }
}
