//! The table that renews itself, and the keys that it obeys.

use std::io;

use anyhow::Context;
use rustix::process::{Signal as Number, getpid, kill_process};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::INTERVAL;
use super::sample::Sample;
use super::screen::{Screen, Style};
use super::table::{Order, lines};
use crate::control::activity::Activity;
use crate::control::client::Daemon;
use crate::exit::{Exit, Failure};

/// What happens next.
enum Event {
    /// It is time to look again.
    Time,
    /// Keys were pressed.
    Keys(Vec<u8>),
    /// The terminal has another size.
    Resized,
    /// The user wants the shell for a while (Ctrl-Z).
    Suspended,
    /// Somebody ends this.
    Ended,
}

/// Shows the table until a key or a signal ends it.
///
/// # Errors
/// When the daemon is gone, or the terminal cannot be used.
pub(super) async fn show(daemon: &Daemon<'_>) -> Result<Exit, Failure> {
    let style = Style::wanted();
    let mut order = Order::Configured;
    let mut before: Activity = super::look(daemon).await?;
    let mut sample = Sample::since_start(&before);
    let mut events = Events::listen()?;
    let mut screen = Some(take(style)?);
    // Not before the terminal is set: a read that waits for a line goes on doing so.
    let mut keys = keys()?;
    loop {
        if let Some(screen) = &mut screen {
            let shown = screen.show(&lines(&sample, order, Some(Screen::height())));
            shown.context("cannot write to the terminal")?;
        }
        match events.next(&mut keys).await {
            Event::Time => {
                let now = super::look(daemon).await?;
                sample = Sample::between(&before, &now);
                before = now;
            }
            Event::Keys(keys) if keys.starts_with(b"q") || keys.starts_with(b"Q") => break,
            Event::Keys(keys) => {
                order = match keys.as_slice() {
                    b"\x1b[C" | b"\x1bOC" | b">" => order.step(true),
                    b"\x1b[D" | b"\x1bOD" | b"<" => order.step(false),
                    _ => order,
                };
            }
            Event::Resized => {}
            Event::Suspended => {
                drop(screen.take());
                // It goes on here when the shell continues it.
                kill_process(getpid(), Number::STOP).context("cannot stop")?;
                screen = Some(take(style)?);
            }
            Event::Ended => break,
        }
    }
    Ok(Exit::Success)
}

fn take(style: Style) -> anyhow::Result<Screen<io::Stdout>> {
    Screen::take(style).context("cannot use the terminal")
}

/// All that this waits for but keys.
struct Events {
    time: Interval,
    resized: Signal,
    suspended: Signal,
    ending: [Signal; 4],
}

impl Events {
    fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        let mut time = interval_at(Instant::now() + INTERVAL, INTERVAL);
        time.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            time,
            resized: listen(SignalKind::window_change())?,
            suspended: listen(SignalKind::from_raw(Number::TSTP.as_raw()))?,
            ending: [
                listen(SignalKind::interrupt())?,
                listen(SignalKind::terminate())?,
                listen(SignalKind::hangup())?,
                listen(SignalKind::quit())?,
            ],
        })
    }

    async fn next(&mut self, keys: &mut UnboundedReceiver<Vec<u8>>) -> Event {
        let [interrupt, terminate, hangup, quit] = &mut self.ending;
        tokio::select! {
            biased;
            _ = interrupt.recv() => Event::Ended,
            _ = terminate.recv() => Event::Ended,
            _ = hangup.recv() => Event::Ended,
            _ = quit.recv() => Event::Ended,
            _ = self.suspended.recv() => Event::Suspended,
            _ = self.resized.recv() => Event::Resized,
            keys = keys.recv() => keys.map_or(Event::Ended, Event::Keys),
            _ = self.time.tick() => Event::Time,
        }
    }
}

/// Returns the keys that are pressed, those that come together in one; a thread that ends with the
/// process reads them, as a read of a terminal waits.
fn keys() -> anyhow::Result<UnboundedReceiver<Vec<u8>>> {
    let (pressed, keys) = unbounded_channel();
    let read = move || {
        let mut bytes = [0; 64];
        loop {
            let read = match rustix::io::read(io::stdin(), &mut bytes) {
                Err(rustix::io::Errno::INTR) => continue,
                Ok(length) => bytes.get(..length).unwrap_or_default(),
                Err(_) => &[],
            };
            // Nothing at all is the end of the terminal.
            if read.is_empty() || pressed.send(read.to_vec()).is_err() {
                return;
            }
        }
    };
    let thread = std::thread::Builder::new().name("omnifs-keys".to_owned());
    thread.spawn(read).context("cannot start a thread for the keys")?;
    Ok(keys)
}
