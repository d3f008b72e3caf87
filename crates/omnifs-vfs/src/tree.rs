//! The tree: what the kernel adapter calls.

mod ahead;
mod attributes;
mod contents;
mod facts;
mod file;
mod flight;
mod kept;
mod listing;
mod live;
mod lookup;
mod names;
mod nodes;
#[cfg(test)]
mod orders;
mod outdated;
mod pages;
mod ranges;
mod reader;
mod sized;
mod stream;
mod told;
mod trouble;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::RwLock;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::layers::Layers;
use crate::sync::{Mutex, MutexGuard};
use crate::{
    Answer, Clock, Content, Disk, DiskStatistics, Found, Freshness, Layer, Name, NodeId, Question,
    Source, Timestamp,
};
use ahead::Ahead;
use contents::Contents;
use flight::Flights;
use listing::{Handles, View};
use live::LiveCalls;
use nodes::{Expired, Nodes};
use outdated::Outdated;
use ranges::Ranges;
use stream::Stream;
use trouble::Trouble;

pub use facts::Facts;
pub use listing::{Caching, DirectoryHandle};
pub use live::Opened;
pub use reader::{DirEntry, DirectoryReader};

/// How deep a path may be; every cycle gets there.
const DEPTH_MAX: usize = 128;

/// How long the kernel may keep what was served past its freshness while a refresh runs.
const STALE_VALID: Duration = Duration::from_secs(1);

/// How long an answer is believed that may not be all.
const PARTIAL_VALID: Duration = Duration::from_secs(1);

/// How many old answers are asked for anew at once behind whoever was served them. More would fill
/// the source's queue, and who waits for an answer would find no place in it.
const BEHIND_MAX: usize = 32;

/// The end of the freshness of what is not believed at all, not even as a stale answer.
const NEVER: Duration = Duration::ZERO;

/// How long what can never change is fresh.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// How a tree caches.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The provider's name, for log lines.
    pub provider: String,
    /// How long an answer is fresh.
    pub ttl: Duration,
    /// How long an absence is fresh.
    pub negative: Duration,
    /// How long past its freshness an answer may be served while a new one is fetched.
    pub stale_while_revalidate: Duration,
    /// How long past its freshness an answer may be served while the source fails.
    pub stale_if_error: Duration,
    /// Bytes of file contents and listings to keep in memory.
    pub memory: u64,
    /// Bytes of bodies to keep that lie outside of memory.
    pub outside: u64,
    /// The most names of one directory.
    pub names: u64,
    /// The most bytes of one listing, with what is told of its names.
    pub listing: u64,
    /// What of it outlives the process, and memory.
    pub disk: Option<Disk>,
    /// Whether the source says by itself what is outdated, see [`Tree::invalidate`]. On disk is only
    /// kept then what has a version to be told by: nobody hears it while no process runs.
    pub outdates: bool,
    /// How many files may be read ahead at once; 0 reads none ahead.
    pub read_ahead: usize,
    /// How long a caller waits at most (`limits.answer`). A call that is older than this goes
    /// on when its callers have left, a younger one was interrupted and is given up.
    pub answer: Duration,
    /// Whether requests have a [`crate::Tally`], which is to know the calls that they wait for. As with
    /// `answer`, what a tree begins with holds for its life.
    pub watched: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            provider: String::new(),
            ttl: Duration::from_secs(60),
            negative: Duration::from_secs(2),
            stale_while_revalidate: Duration::from_secs(600),
            stale_if_error: Duration::from_secs(24 * 60 * 60),
            memory: 64 << 20,
            outside: 1 << 30,
            names: 1_000_000,
            listing: 72 << 20,
            disk: None,
            outdates: false,
            read_ahead: 0,
            answer: Duration::from_secs(10),
            watched: false,
        }
    }
}

/// Something that the kernel may hold and that is no longer so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The set of names in this directory changed.
    Listing(NodeId),
    /// `name` in `parent` now has other bytes, or is another object, than node `old`.
    Version {
        /// The directory.
        parent: NodeId,
        /// The name in it.
        name: Name,
        /// What the kernel may still have under that name.
        old: NodeId,
    },
    /// What `name` in `parent` stands for must be asked again; it may be the same.
    Expired {
        /// The directory.
        parent: NodeId,
        /// The name in it.
        name: Name,
    },
}

/// Counts of one tree, for `status`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Nodes in the table: those that the kernel knows, and the root.
    pub nodes: u64,
    /// Bytes of file contents and listings in memory.
    pub memory: u64,
    /// Bytes of bodies that lie outside of memory.
    pub outside: u64,
    /// What the disk cache holds and did; none when there is none.
    pub disk: Option<DiskStatistics>,
    /// Names that providers listed and that cannot be names, or stood there twice.
    pub dropped_names: u64,
    /// Questions, by what they were and by the deepest layer that was asked for the answer.
    pub questions: BTreeMap<(Question, Layer), u64>,
}

/// The tree of one mounted provider.
///
/// Operations answer from memory where they can, and then without giving way; otherwise they
/// join the one call that fetches what is missing. Such a call is a task of its own on the
/// tokio runtime in whose context the operation was first polled.
pub struct Tree {
    /// What is asked now. Guards the exchange only.
    current: RwLock<Current>,
    clock: Arc<dyn Clock>,
    /// When the tree was made: the time of directories until their names are seen to change.
    born: Timestamp,
    /// Guards which nodes and names there are. Taken before `contents`, never across an await.
    nodes: Mutex<Nodes>,
    /// Guards what is cached of files and listings.
    contents: Mutex<Contents>,
    outdated: Outdated,
    handles: Handles,
    name_calls: NameCalls,
    file_calls: Arc<Flights<Since<NodeId>, Content>>,
    listing_calls: Arc<Flights<Since<NodeId>, View>>,
    /// By file, beginning and end.
    part_calls: PartCalls,
    ranges: Ranges,
    /// By directory and generation of the listing.
    page_calls: Arc<Flights<(NodeId, u32), ()>>,
    /// Listings whose last page has not come. Held for a look or a change.
    streams: Mutex<VecDeque<Arc<Stream>>>,
    changes: Mutex<Option<mpsc::UnboundedSender<Change>>>,
    dropped_names: AtomicU64,
    layers: Layers,
    trouble: Trouble,
    live: LiveCalls,
    ahead: Ahead,
    /// Places for what is asked behind.
    behind: Arc<Semaphore>,
}

/// What a call is about, in which generation it was begun, and after which batch of what is outdated
/// its object was in: nobody who asks in a later one joins it.
type Since<K> = (u64, u64, K);

type NameCalls = Arc<Flights<Since<(NodeId, Name)>, Option<NodeId>>>;

type PartCalls = Arc<Flights<Since<(NodeId, u64, u64)>, Content>>;

/// How long an answer is fresh, as long as the generation in which it was asked for lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fresh {
    until: Duration,
    generation: u64,
    /// After which batch of what is outdated it was asked for.
    asked: u64,
}

impl Fresh {
    /// Returns the freshness of what was told of a child in an answer that was fetched then.
    fn told(self, found: &Found, fetched: Duration) -> Self {
        let freshness = found.details.as_ref().map(|details| details.freshness);
        let until = match freshness.unwrap_or_default() {
            Freshness::Inherit => self.until,
            Freshness::For(time) => fetched + time.min(FOR_EVER),
            Freshness::Immutable => fetched + FOR_EVER,
        };
        let until = if found.is_live() { until.min(fetched + live::NAME_VALID) } else { until };
        Self { until, ..self }
    }
}

/// A source, how its answers are cached, and since when: a generation ends when another source
/// takes the place of this one, or the user believes nothing any more that it said.
#[derive(Clone)]
struct Current {
    source: Arc<dyn Source>,
    settings: Arc<Settings>,
    generation: u64,
    /// How many batches of what is outdated there were when this was looked at.
    asked: u64,
}

impl std::fmt::Debug for Tree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let settings = self.settings();
        f.debug_struct("Tree").field("provider", &settings.provider).finish_non_exhaustive()
    }
}

impl Tree {
    /// Returns a tree over `source`.
    pub fn new(source: Arc<dyn Source>, clock: Arc<dyn Clock>, settings: Settings) -> Arc<Self> {
        let born = clock.calendar();
        Arc::new(Self {
            nodes: Mutex::new(Nodes::new(born)),
            contents: Mutex::new(Contents::new(settings.memory, settings.outside)),
            outdated: Outdated::default(),
            handles: Handles::default(),
            name_calls: Flights::of(&settings),
            file_calls: Flights::of(&settings),
            listing_calls: Flights::of(&settings),
            page_calls: Flights::of(&settings),
            part_calls: Flights::of(&settings),
            ranges: Ranges::default(),
            streams: Mutex::default(),
            changes: Mutex::new(None),
            dropped_names: AtomicU64::new(0),
            layers: Layers::default(),
            trouble: Trouble::default(),
            live: LiveCalls::of(&settings),
            ahead: Ahead::default(),
            behind: Arc::new(Semaphore::new(BEHIND_MAX)),
            current: RwLock::new(Current {
                source,
                settings: Arc::new(settings),
                generation: 0,
                asked: 0,
            }),
            clock,
            born,
        })
    }

    /// Asks `source` from now on, and believes nothing that an earlier one said: every name is
    /// looked up again at its next use. Nodes stay, so that open files keep their bytes and
    /// working directories their place.
    ///
    /// `settings.answer` has no effect here: it is the session's, too.
    pub fn replace(&self, source: Arc<dyn Source>, settings: Settings) {
        self.contents.lock().set_budget(settings.memory, settings.outside);
        {
            let mut current = self.current.write();
            let generation = current.generation + 1;
            *current = Current { source, settings: Arc::new(settings), generation, asked: 0 };
        }
        let mut nodes = self.nodes.lock();
        let expired = nodes.expire_below(NodeId::ROOT);
        self.contents.lock().expire();
        drop(nodes);
        self.announce_expired(expired);
    }

    fn announce_expired(&self, (directories, names): Expired) {
        for directory in directories {
            self.announce(Change::Listing(directory));
        }
        for (parent, name) in names {
            self.announce(Change::Expired { parent, name });
        }
    }

    fn current(&self) -> Current {
        let asked = self.outdated.now();
        Current { asked, ..self.current.read().clone() }
    }

    fn generation(&self) -> u64 {
        self.current.read().generation
    }

    /// Returns the key of a call that begins now, about what was outdated in that batch last.
    fn since<K>(&self, batch: u64, key: K) -> Since<K> {
        (self.generation(), batch, key)
    }

    fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.current.read().settings)
    }

    /// Returns until when an answer of `asked` is fresh that came now: for a moment only if it
    /// may not be all.
    fn fresh_from<T>(&self, asked: &Current, answer: &Answer<T>) -> Fresh {
        let ttl = match answer.partial {
            None => asked.settings.ttl,
            Some(_) => asked.settings.ttl.min(PARTIAL_VALID),
        };
        let (generation, asked) = (asked.generation, asked.asked);
        Fresh { until: self.clock.monotonic() + ttl, generation, asked }
    }

    /// Returns until when an answer is fresh: not at all once the generation is another one.
    ///
    /// To be asked with `nodes` locked by whoever records the answer there: the next generation
    /// takes the freshness of what is recorded only once it has begun.
    fn believed(&self, fresh: Fresh) -> Duration {
        if self.generation() == fresh.generation { fresh.until } else { NEVER }
    }

    /// Returns a place for a call that nobody waits for, if there is one: to be kept until the call
    /// has ended. Without one the old answer is served once more, and whoever comes next tries.
    fn place_behind(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.behind).try_acquire_owned().ok()
    }

    /// Returns the changes that the kernel must be told of; the receiver of the last call gets
    /// them.
    pub fn changes(&self) -> mpsc::UnboundedReceiver<Change> {
        let (sender, receiver) = mpsc::unbounded_channel();
        *self.changes.lock() = Some(sender);
        receiver
    }

    /// Returns the current counts.
    pub fn statistics(&self) -> Statistics {
        let nodes = self.nodes.lock().len();
        let contents = self.contents.lock();
        Statistics {
            nodes,
            memory: contents.used(),
            outside: contents.outside(),
            disk: self.settings().disk.as_ref().map(Disk::statistics),
            dropped_names: self.dropped_names.load(Ordering::Relaxed),
            questions: self.layers.counts(),
        }
    }

    /// Takes `count` lookups of `node` back; at zero its memory is freed.
    pub fn forget(&self, node: NodeId, count: u64) {
        let mut nodes = self.nodes.lock();
        nodes.forget(node, count);
        self.bury(nodes);
    }

    /// Lets go of what belongs to nodes that left the table.
    fn bury(&self, mut nodes: MutexGuard<'_, Nodes>) {
        let gone = nodes.take_dropped();
        drop(nodes);
        if gone.is_empty() {
            return;
        }
        let source = self.current().source;
        let mut contents = self.contents.lock();
        for node in &gone {
            contents.node_forgotten(node.id, node.path);
            source.forget(node.object.key());
        }
        drop(contents);
        let is_gone = |id| gone.iter().any(|node| node.id == id);
        self.forget_streams(is_gone);
        self.ranges.forget(is_gone);
    }

    fn announce(&self, change: Change) {
        if let Some(sender) = self.changes.lock().as_ref() {
            // Without a receiver nobody is mounted, and nothing is cached outside.
            let _ = sender.send(change);
        }
    }
}
