//! `omnifs dev`: the provider in this directory, mounted and built again whenever it is saved.
//!
//! It is a host of its own in this process and needs no daemon: what is saved goes from cargo to
//! the mount without a detour.

mod feed;
mod line;
mod place;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use omnifs_fuse::Observer;
use omnifs_runtime::Effort;
use omnifs_runtime::artifact::Artifact;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::task::spawn_blocking;

use self::feed::{Feed, Requests};
use self::place::Place;
use super::asked::Asked;
use super::given::{Described, Given};
use super::output::{self, plain};
use crate::author::{self, BuildArgs, Builder, Built, Stop};
use crate::daemon::alone::Mounted;
use crate::daemon::compose::Setup;
use crate::exit::{Exit, Failure};
use crate::places::Places;

/// How long the end waits for what still runs.
const END: Duration = Duration::from_secs(2);

#[derive(Debug, Args)]
pub(super) struct DevArgs {
    /// Mount it here instead of in a temporary directory; made when it is missing, and removed then
    #[arg(long, value_name = "PATH")]
    mount: Option<PathBuf>,
    #[command(flatten)]
    given: Given,
    /// Do not show what is asked of it
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    build: BuildArgs,
}

/// Builds the provider and mounts it, and does so again whenever a source is saved, until Ctrl-C.
pub(super) fn run(arguments: DevArgs, places: &Places) -> Result<Exit, Failure> {
    let place = Place::prepare(arguments.mount.as_deref())?;
    let nothing = Described { name: "provider", file: Path::new("/none"), mount: place.path() };
    // So that a mistake in the options is told before anything is built.
    let _config = arguments.given.config(&nothing, places)?;
    let builder = Builder::here(&arguments.build)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("omnifs")
        .build()
        .context("cannot start threads")?;
    let (feed, shown) = Feed::to_output()?;
    let bench = Bench {
        builder: Arc::new(builder),
        stop: Arc::default(),
        changed: Arc::default(),
        given: arguments.given,
        requests: if arguments.quiet { Requests::Hidden } else { Requests::Shown },
        places: places.clone(),
        place: Arc::new(place),
        feed,
        serving: None,
    };
    let ended = runtime.block_on(bench.work());
    runtime.shutdown_timeout(END);
    shown.wait();
    ended
}

/// A provider that is being worked on.
struct Bench {
    /// Before the place: it is unmounted before that is removed.
    serving: Option<Serving>,
    builder: Arc<Builder>,
    stop: Arc<Stop>,
    /// A source was saved.
    changed: Arc<Notify>,
    given: Given,
    requests: Requests,
    places: Places,
    place: Arc<Place>,
    feed: Arc<Feed>,
}

/// What is mounted.
struct Serving {
    mounted: Arc<Mounted>,
    /// The component's bytes.
    bytes: Vec<u8>,
    /// What it asks for and was not given, as it was told.
    missing: Vec<String>,
}

/// Why the work goes on, or does not.
enum Event {
    Built(anyhow::Result<Vec<Built>>, Duration),
    Saved,
    Unmounted,
    Interrupted,
}

impl Bench {
    async fn work(mut self) -> Result<Exit, Failure> {
        let mut signals = Signals::listen()?;
        let saved = Arc::clone(&self.changed);
        // Before the first build: what is saved meanwhile is built next.
        author::follow(self.builder.directory(), move || saved.notify_one())?;
        let mut next = self.build(&mut signals).await?;
        let ended = loop {
            next = match next {
                Event::Built(outcome, took) => {
                    if let Err(failure) = self.take(outcome, took).await {
                        break Err(failure);
                    }
                    self.wait(&mut signals).await
                }
                Event::Saved => self.build(&mut signals).await?,
                Event::Unmounted => {
                    break Err(Failure::new(format!(
                        "{} was unmounted by somebody else",
                        self.place.path().display()
                    ))
                    .remedy("`omnifs dev` mounts it again"));
                }
                Event::Interrupted => break Ok(Exit::Success),
            };
        };
        self.stop.stop();
        self.close().await?;
        ended
    }

    /// Builds until that is done, or somebody has enough.
    async fn build(&self, signals: &mut Signals) -> Result<Event, Failure> {
        let (builder, stop) = (Arc::clone(&self.builder), Arc::clone(&self.stop));
        let begun = Instant::now();
        let building = spawn_blocking(move || builder.build(Some(&stop)));
        tokio::select! {
            built = building => {
                let outcome = built.context("building failed inside omnifs")?;
                Ok(Event::Built(outcome, begun.elapsed()))
            }
            () = signals.next() => Ok(Event::Interrupted),
            () = self.ended() => Ok(Event::Unmounted),
        }
    }

    async fn wait(&self, signals: &mut Signals) -> Event {
        tokio::select! {
            () = self.changed.notified() => Event::Saved,
            () = signals.next() => Event::Interrupted,
            () = self.ended() => Event::Unmounted,
        }
    }

    /// Returns when what is mounted is so no more.
    async fn ended(&self) {
        match &self.serving {
            Some(serving) => serving.mounted.ended().await,
            None => std::future::pending().await,
        }
    }

    /// Takes in what a build came to: a component is served, anything else is told.
    async fn take(
        &mut self,
        outcome: anyhow::Result<Vec<Built>>,
        took: Duration,
    ) -> Result<(), Failure> {
        let begun = Instant::now();
        let Built { file, artifact } = match outcome.and_then(only_one) {
            Ok(built) => built,
            Err(error) => {
                self.keep_old(&Failure::from(error));
                return Ok(());
            }
        };
        let read = std::fs::read(&file);
        let bytes = read.with_context(|| format!("cannot read {}", file.display()))?;
        let built = format!("built in {:.2} s", took.as_secs_f64());
        let said = match &self.serving {
            Some(serving) if serving.bytes == bytes => {
                // The upstream is what has changed, then.
                serving.mounted.refresh();
                format!("{built}, and is the same: everything is asked for anew")
            }
            Some(serving) => {
                let mounted = Arc::clone(&serving.mounted);
                let exchanged = spawn_blocking(move || mounted.exchange()).await;
                if let Err(trouble) = exchanged.context("exchanging it failed inside omnifs")? {
                    self.keep_old(&Failure::from(trouble));
                    return Ok(());
                }
                format!("{built}, served {:.2} s later", begun.elapsed().as_secs_f64())
            }
            None => {
                self.mount(&file).await?;
                let mount = self.place.path().display();
                format!("{built}\nmounted at {mount}; Ctrl-C ends")
            }
        };
        output::print(&format!("{said}\n"))?;
        if let Some(serving) = &mut self.serving {
            serving.bytes = bytes;
            serving.tell_missing(&artifact)?;
        }
        Ok(())
    }

    /// Says why what was built is not served.
    fn keep_old(&self, failure: &Failure) {
        let goes_on = match self.serving {
            Some(_) => "the one before goes on serving",
            None => "nothing is mounted yet: save a file to try again",
        };
        output::error(&plain(&format!("{}note: {goes_on}\n", failure.text())));
    }

    async fn mount(&mut self, file: &Path) -> Result<(), Failure> {
        let name = name_of(file);
        let described = Described { name: &name, file, mount: self.place.path() };
        let config = self.given.config(&described, &self.places)?;
        let observer: Arc<dyn Observer> = Arc::clone(&self.feed) as _;
        let setup = Setup {
            effort: Effort::SoonDone,
            log: Arc::clone(&self.feed) as _,
            observer: (self.requests == Requests::Shown).then_some(observer),
        };
        let (places, place) = (self.places.clone(), Arc::clone(&self.place));
        let mounting = spawn_blocking(move || Mounted::new(config, &places, (setup, place.path())));
        let mounted = mounting.await.context("mounting it failed inside omnifs")??;
        let (mounted, bytes, missing) = (Arc::new(mounted), Vec::new(), Vec::new());
        self.serving = Some(Serving { mounted, bytes, missing });
        Ok(())
    }

    async fn close(&mut self) -> Result<(), Failure> {
        let Some(Serving { mounted, .. }) = self.serving.take() else { return Ok(()) };
        let closing = spawn_blocking(move || mounted.close());
        Ok(closing.await.context("unmounting it failed inside omnifs")?)
    }
}

impl Serving {
    /// Says what the component asks for and was not given, unless that was said before.
    fn tell_missing(&mut self, artifact: &Artifact) -> Result<(), Failure> {
        let missing = Asked::of(artifact).missing(&self.mounted.granted().capabilities);
        if missing != self.missing {
            for text in &missing {
                output::print(&plain(&format!("note: it asks for {text}\n")))?;
            }
            self.missing = missing;
        }
        Ok(())
    }
}

fn only_one(built: Vec<Built>) -> anyhow::Result<Built> {
    let [one] = <[Built; 1]>::try_from(built).map_err(|built| {
        anyhow::anyhow!(
            "cargo built {} components: run this in the directory of one, or name it, as in \
             `omnifs dev -- --package NAME`",
            built.len()
        )
    })?;
    Ok(one)
}

/// Returns the name under which a component is mounted.
fn name_of(file: &Path) -> String {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
    let letter = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = stem.chars().map(letter).take(63).collect();
    match name.trim_start_matches('-') {
        "" => "provider".to_owned(),
        name => name.to_owned(),
    }
}

/// The signals that end the work.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_s_name_is_one_of_the_configuration() {
        for (file, name) in [
            ("/t/my_provider.wasm", "my-provider"),
            ("/t/_Über.wasm", "ber"),
            ("/t/...", "provider"),
            ("/", "provider"),
        ] {
            assert_eq!(name_of(Path::new(file)), name, "{file}");
        }
    }
}
