//! A relay that hands everything on a while later, for the peer whose server cannot wait.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Takes connections at `from` and hands each on to the port `to`; what is sent arrives half of
/// `delay` later in each direction, in order. Runs until it is killed.
pub(crate) fn forward(from: u16, to: u16, delay: Duration) -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", from)).context("cannot listen")?;
    loop {
        let (near, _) = listener.accept().context("cannot take a connection")?;
        let Ok(far) = TcpStream::connect(("127.0.0.1", to)) else { continue };
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        hand_on(near.try_clone()?, far.try_clone()?, delay / 2);
        hand_on(far, near, delay / 2);
    }
}

/// Copies in threads of its own: one reads at once, the other writes when it is time.
fn hand_on(mut from: TcpStream, to: TcpStream, delay: Duration) {
    let (sender, receiver): (Sender<(Instant, Vec<u8>)>, _) = mpsc::channel();
    thread::spawn(move || write_later(to, &receiver));
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(count) = from.read(&mut buffer) {
            let piece = buffer.get(..count).unwrap_or_default().to_vec();
            if count == 0 || sender.send((Instant::now() + delay, piece)).is_err() {
                break;
            }
        }
    });
}

fn write_later(mut to: TcpStream, pieces: &Receiver<(Instant, Vec<u8>)>) {
    for (when, piece) in pieces {
        thread::sleep(when.saturating_duration_since(Instant::now()));
        if to.write_all(&piece).is_err() {
            break;
        }
    }
    // Gone already.
    let _ = to.shutdown(Shutdown::Write);
}
