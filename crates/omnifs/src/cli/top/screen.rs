//! The terminal: taken over for a while, and given back as it was.

use std::io::{self, IsTerminal, Write};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr,
};

use crate::env;

/// Takes the alternate screen, hides the cursor, and lets long lines end at the edge.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?7l";

/// Takes all of that back.
const LEAVE: &[u8] = b"\x1b[?7h\x1b[?25h\x1b[?1049l";

/// Returns whether there is a terminal that can show what changes, and that keys come from.
pub(super) fn is_there() -> bool {
    let obeys = env::text(env::TERM).is_some_and(|kind| kind != "dumb");
    obeys && io::stdout().is_terminal() && io::stdin().is_terminal()
}

/// How heads are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Bold.
    Bold,
    /// As all else (<https://no-color.org>).
    None,
}

impl Style {
    /// Returns what the user wants.
    pub(super) fn wanted() -> Self {
        if env::text(env::NO_COLOR).is_some() { Self::None } else { Self::Bold }
    }

    fn around(self) -> (&'static str, &'static str) {
        match self {
            Self::Bold => ("\x1b[1m", "\x1b[0m"),
            Self::None => ("", ""),
        }
    }
}

/// A terminal that is taken over until this is dropped, also by a panic.
pub(super) struct Screen<W: Write> {
    out: W,
    style: Style,
    /// How the terminal was set; none when there is none.
    before: Option<Termios>,
}

impl Screen<io::Stdout> {
    /// Takes the terminal of standard input and output over.
    ///
    /// # Errors
    /// When it cannot be set or written.
    pub(super) fn take(style: Style) -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut set = before.clone();
        // Keys at once and unseen; Ctrl-C goes on being a signal.
        set.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        set.special_codes[SpecialCodeIndex::VMIN] = 1;
        set.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(io::stdin(), OptionalActions::Now, &set)?;
        Self::over(io::stdout(), style, Some(before))
    }

    /// Returns how many lines there is room for.
    pub(super) fn height() -> usize {
        let rows = tcgetwinsize(io::stdout()).map_or(0, |size| size.ws_row);
        // A terminal that does not know says 0.
        if rows == 0 { 24 } else { rows.into() }
    }
}

impl<W: Write> Screen<W> {
    fn over(mut out: W, style: Style, before: Option<Termios>) -> io::Result<Self> {
        let entered = out.write_all(ENTER).and_then(|()| out.flush());
        let screen = Self { out, style, before };
        // What could not be written is taken back as what could.
        entered.map(|()| screen)
    }

    /// Shows these lines and nothing else.
    ///
    /// # Errors
    /// When the terminal cannot be written.
    pub(super) fn show(&mut self, lines: &[String]) -> io::Result<()> {
        // One write, so that no half of it is seen.
        let mut frame = String::from("\x1b[H");
        for (number, line) in lines.iter().enumerate() {
            if number > 0 {
                frame.push_str("\r\n");
            }
            let is_head = line.starts_with("NAME ") || line.trim_start().starts_with("TOOK ");
            let (begin, end) = if is_head { self.style.around() } else { ("", "") };
            frame.extend([begin, line, end, "\x1b[K"]);
        }
        frame.push_str("\x1b[J");
        self.out.write_all(frame.as_bytes())?;
        self.out.flush()
    }
}

impl<W: Write> Drop for Screen<W> {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing back.
        let _gone = self.out.write_all(LEAVE).and_then(|()| self.out.flush());
        if let Some(before) = &self.before {
            let _gone = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn a_panic_gives_the_terminal_back() {
        let mut seen = Vec::new();
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            let mut screen = Screen::over(&mut seen, Style::None, None).unwrap();
            screen.show(&["a".to_owned()]).unwrap();
            std::panic::resume_unwind(Box::new("test"));
        }));
        assert!(unwound.is_err());
        assert!(seen.starts_with(ENTER) && seen.ends_with(LEAVE), "{seen:?}");
    }

    #[test]
    fn heads_are_bold_where_that_is_wanted() {
        let frame = |style| {
            let mut seen = Vec::new();
            let mut screen = Screen::over(&mut seen, style, None).unwrap();
            screen.show(&["NAME  X".to_owned(), "a".to_owned()]).unwrap();
            drop(screen);
            let frame = &seen[ENTER.len()..seen.len() - LEAVE.len()];
            String::from_utf8(frame.to_vec()).unwrap()
        };
        assert_eq!(frame(Style::None), "\x1b[HNAME  X\x1b[K\r\na\x1b[K\x1b[J");
        assert_eq!(frame(Style::Bold), "\x1b[H\x1b[1mNAME  X\x1b[0m\x1b[K\r\na\x1b[K\x1b[J");
    }
}
