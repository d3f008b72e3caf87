//! `omnifs logs`: the daemon's log, with or without a daemon.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;

use super::output::{self, Output};
use crate::daemon::rotated;
use crate::exit::{Exit, Failure};

/// How many lines `--follow` begins with.
const FOLLOW_LINES: usize = 10;

/// How often a followed log is looked at.
const INTERVAL: Duration = Duration::from_millis(100);

/// How much is read at a time, in bytes.
const PIECE: usize = 64 << 10;

/// Prints the log, the older files of it first.
pub(super) fn show(log: &Path, lines: Option<usize>) -> Result<Exit, Failure> {
    if !log.exists() {
        return Err(Failure::new(format!("there is no log yet at {}", log.display()))
            .remedy("`omnifs start` starts the daemon, which writes it"));
    }
    match lines {
        Some(lines) => print_last(log, lines)?,
        None => {
            for number in (0..=2).rev() {
                if let Some(mut file) = open(&rotated(log, number))?
                    && drain(&mut file)? == Output::Closed
                {
                    break;
                }
            }
            Output::Open
        }
    };
    Ok(Exit::Success)
}

/// Prints the last lines of the log and then what is added, until the reader goes away.
pub(super) fn follow(log: &Path, lines: Option<usize>) -> Result<Exit, Failure> {
    // Opened before the last lines are read, so that none falls between; its own part of them
    // is passed over below.
    let mut current = open(log)?;
    if let Some(file) = &mut current {
        let end = file.metadata().context("cannot read the log")?.len();
        if print_last(log, lines.unwrap_or(FOLLOW_LINES))? == Output::Closed {
            return Ok(Exit::Success);
        }
        io::Seek::seek(file, io::SeekFrom::Start(end)).context("cannot read the log")?;
    }
    loop {
        if let Some(file) = &mut current
            && drain(file)? == Output::Closed
        {
            return Ok(Exit::Success);
        }
        if turned_over(log, current.as_ref()) {
            // What was added between the last read and the turn.
            if let Some(file) = &mut current
                && drain(file)? == Output::Closed
            {
                return Ok(Exit::Success);
            }
            current = open(log)?;
            continue;
        }
        std::thread::sleep(INTERVAL);
    }
}

/// Returns whether the log's name now stands for another file than the one that is read.
fn turned_over(log: &Path, current: Option<&File>) -> bool {
    let identity = |found: std::fs::Metadata| (found.dev(), found.ino());
    let named = std::fs::metadata(log).ok().map(identity);
    let open = current.and_then(|file| file.metadata().ok()).map(identity);
    named.is_some() && named != open
}

fn open(path: &Path) -> Result<Option<File>, Failure> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            let context = format!("cannot read the log {}", path.display());
            Err(anyhow::Error::new(error).context(context).into())
        }
    }
}

/// Prints the rest of a file.
fn drain(file: &mut File) -> Result<Output, Failure> {
    let mut piece = vec![0; PIECE];
    loop {
        let length = file.read(&mut piece).context("cannot read the log")?;
        let read = piece.get(..length).unwrap_or_default();
        if read.is_empty() {
            return Ok(Output::Open);
        }
        if output::write(read)? == Output::Closed {
            return Ok(Output::Closed);
        }
    }
}

/// Prints the last lines, which may begin in an older file.
fn print_last(log: &Path, count: usize) -> Result<Output, Failure> {
    let mut last: VecDeque<Vec<u8>> = VecDeque::new();
    for number in (0..=2).rev() {
        let Some(file) = open(&rotated(log, number))? else { continue };
        for line in BufReader::new(file).split(b'\n') {
            last.push_back(line.context("cannot read the log")?);
            if last.len() > count {
                last.pop_front();
            }
        }
    }
    let mut text = Vec::new();
    for line in last {
        text.extend_from_slice(&line);
        text.push(b'\n');
    }
    output::write(&text)
}
