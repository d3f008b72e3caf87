//! A loaded provider, and how the tree calls it.

mod breaker;
mod calls;
mod failed;
mod failure;
mod instance;
mod load;
mod places;
mod pool;
mod slowest;
mod timing;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, TryFutureExt};
use omnifs_vfs::{
    Answer, ByteRange, Clock, Content, Found, LastFailure, Listed, Made, Name, Object, ObjectKey,
    Probe, Source, Tally, VfsError,
};
use parking_lot::Mutex;
use tokio::time::timeout;
use tracing::Instrument;

use self::breaker::Breaker;
use self::calls::{Call, List, Lookup, ProbeAll, Read, ops};
pub use self::failed::FailedCall;
use self::failed::Failures;
use self::failure::{Broken, Failure};
use self::instance::{Blueprint, Instance};
use self::pool::{Pool, Rules};
pub use self::slowest::SlowCall;
use self::timing::Timings;
pub use self::timing::{BUCKETS, CallTimes};
pub use self::watch::{Service, WatchState, WatchStatistics};
use crate::engine::Engine;
use crate::http::{HostStatistics, HttpStatistics};
use crate::limits::Limits;
use crate::log::ProviderLog;
use crate::{Grants, LoadError, artifact};

/// An instance that has grown beyond this many bytes is not kept for the next call.
const KEEP: u64 = 32 << 20;

/// How a provider is loaded.
pub struct ProviderOptions {
    /// Its name, for logs and messages.
    pub name: String,
    /// What it may use.
    pub limits: Limits,
    /// Where its output goes.
    pub log: Arc<dyn ProviderLog>,
    /// What it may use besides its own code.
    pub grants: Grants,
    /// Whether its files may grow while they are open, also when it does not declare that.
    pub live: bool,
}

/// What a provider has done and holds, for `omnifs status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Calls that were begun; a walk to an object is part of its call.
    pub calls: u64,
    /// Calls that cost their instance: traps, limits and contract violations that a component
    /// cannot go on after.
    pub traps: u64,
    /// Calls that are under way, or wait for an instance.
    pub in_flight: u64,
    /// Instances alive now.
    pub instances: u64,
    /// Bytes of linear memory of all instances, as of the end of their last calls, and of that of
    /// the watcher, which is not among the instances.
    pub memory: u64,
    /// Bytes of answers of upstreams that are kept.
    pub http_cache: u64,
    /// Where its requests found their answers.
    pub http: HttpStatistics,
    /// Bytes of output that were dropped.
    pub log_dropped: u64,
    /// How its watcher fares.
    pub watch: WatchStatistics,
}

/// A provider component, loaded and checked.
///
/// It makes instances when calls come and replaces them when they trap. Its futures need a
/// tokio runtime with time enabled.
pub struct Provider {
    face: artifact::Face,
    /// Whether its files may grow while they are open.
    live: bool,
    /// Whether it was told that they may not.
    told_live: AtomicBool,
    outdates: bool,
    blueprint: Arc<Blueprint>,
    pool: Pool<Instance>,
    calls: AtomicU64,
    traps: AtomicU64,
    timings: Timings,
    /// Held to add one and to copy them.
    failures: Mutex<Failures>,
    /// Held for a look or a change.
    breaker: Mutex<Breaker>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider").field("name", &self.name()).finish_non_exhaustive()
    }
}

impl Provider {
    /// Loads a component: checks it against the contract, compiles it, and makes no instance
    /// yet. It blocks for as long as compiling takes, 60 s at most.
    ///
    /// # Errors
    /// [`LoadError`] says in words what does not fit.
    pub fn load(
        engine: &Engine,
        bytes: &[u8],
        options: ProviderOptions,
    ) -> Result<Arc<Self>, LoadError> {
        let fitting = load::fitting(engine, bytes, &options.limits)?;
        let (face, outdates) = (fitting.fit.face, fitting.fit.outdates);
        let live = options.live || fitting.needs.as_ref().is_some_and(|needs| needs.live);
        let pool = Pool::new(Rules::of(&options.limits, face));
        let clock = Arc::clone(&options.grants.clock);
        let breaker = Mutex::new(Breaker::after(options.limits.traps));
        let blueprint = load::blueprint(engine, fitting, options)?;
        Ok(Arc::new(Self {
            face,
            live,
            told_live: AtomicBool::new(false),
            outdates,
            blueprint: Arc::new(blueprint),
            pool,
            calls: AtomicU64::new(0),
            traps: AtomicU64::new(0),
            timings: Timings::default(),
            failures: Mutex::default(),
            breaker,
            clock,
        }))
    }

    /// Returns the provider's name.
    pub fn name(&self) -> &str {
        &self.blueprint.name
    }

    /// Returns by which interface it is called.
    pub fn face(&self) -> artifact::Face {
        self.face
    }

    /// Returns whether its files may grow while they are open: it declares that, or the user does.
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// Returns whether it may say by itself what is outdated.
    pub fn outdates(&self) -> bool {
        self.outdates
    }

    /// Returns how many instances it has at most.
    pub fn instances(&self) -> u32 {
        self.pool.instances()
    }

    /// Returns what it has done and holds.
    pub fn statistics(&self) -> Statistics {
        Statistics {
            calls: self.calls.load(Ordering::Relaxed),
            traps: self.traps.load(Ordering::Relaxed),
            in_flight: self.timings.in_flight(),
            instances: self.blueprint.usage.instances(),
            memory: self.blueprint.usage.memory() + self.blueprint.watcher.memory(),
            http_cache: self.blueprint.capabilities.http.kept(),
            http: self.blueprint.capabilities.http.answers(),
            log_dropped: self.blueprint.output.dropped(),
            watch: self.blueprint.watcher.statistics(self.blueprint.capabilities.outbox.counts()),
        }
    }

    /// Returns what it asked of each upstream.
    pub fn upstreams(&self) -> Vec<HostStatistics> {
        self.blueprint.capabilities.http.statistics()
    }

    /// Returns how long its calls took, by function.
    pub fn times(&self) -> Vec<CallTimes> {
        self.timings.times()
    }

    /// Returns the slowest calls of the last minutes, the slowest first.
    pub fn slowest(&self) -> Vec<SlowCall> {
        self.timings.slowest(self.clock.monotonic())
    }

    /// Makes new connections from now on: those that there are may lead over a network that this
    /// machine is no longer in. What is under way on one of them goes on.
    pub fn renew_connections(&self) {
        self.blueprint.capabilities.http.renew_connections();
    }

    /// Has its upstreams asked again whatever they said of how long their answers hold: an answer
    /// that was asked for before now is confirmed before it is used.
    pub fn outdate_answers(&self) {
        self.blueprint.capabilities.http.outdate();
    }

    /// Returns the calls that failed lately, the newest last.
    pub fn failures(&self) -> Vec<FailedCall> {
        self.failures.lock().iter().cloned().collect()
    }

    fn call<'a, C: Call + 'a>(
        &'a self,
        call: C,
    ) -> BoxFuture<'a, Result<Answer<C::Value>, VfsError>> {
        let request = self.blueprint.engine.next_request();
        // Whatever is logged in it names the call.
        let span = tracing::info_span!("call", %request, op = C::OP);
        let recorded = async move {
            let mut made = Made { request, exchanges: Vec::new(), more: 0 };
            let mut outcome = self.run(&call, &mut made).await;
            let made = Arc::new(made);
            Tally::note(&made);
            match &mut outcome {
                Ok(answer) => {
                    answer.made = Some(Arc::clone(&made));
                    if let Some(failure) = &answer.partial {
                        self.record(&call, (failure, true), made);
                    }
                }
                Err(failure) => self.record(&call, (failure, false), made),
            }
            outcome
        };
        recorded.instrument(span).boxed()
    }

    fn record<C: Call>(&self, call: &C, (error, partial): (&VfsError, bool), made: Arc<Made>) {
        self.add_failure((C::OP, call.path()), (error, partial), made);
    }

    fn add_failure(
        &self,
        (op, path): (&'static str, String),
        (error, partial): (&VfsError, bool),
        made: Arc<Made>,
    ) {
        tracing::debug!(provider = self.name(), path, %error, partial, "call failed");
        self.failures.lock().add(FailedCall {
            at: self.clock.calendar(),
            op,
            path,
            error: error.clone(),
            partial,
            times: 1,
            made,
        });
    }

    /// Makes one call, unless the component is left alone; `made` tells what it asked upstream.
    async fn run<C: Call>(&self, call: &C, made: &mut Made) -> Result<Answer<C::Value>, VfsError> {
        if let Some(trouble) = self.trouble() {
            return Err(VfsError::Trap(trouble));
        }
        let timed = self.timings.begin(call, &*self.clock);
        let outcome = self.run_timed(call, made).await;
        timed.end(outcome.is_ok());
        outcome
    }

    /// Runs one call: waits for its turn, takes an instance out of the pool, and puts it back
    /// only when it is fit for another call. Dropping the future drops the instance with it.
    async fn run_timed<C: Call>(
        &self,
        call: &C,
        made: &mut Made,
    ) -> Result<Answer<C::Value>, VfsError> {
        let limits = &self.blueprint.limits;
        let turn = self.pool.turn().await?;
        self.calls.fetch_add(1, Ordering::Relaxed);
        let mut session = self.blueprint.session(self.pool.take(&turn).await);
        let _ticking = self.blueprint.engine.ticking();
        let outcome = timeout(limits.call, session.run(call)).await;
        *made = session.made(made.request);
        let last_words = session.end();
        if session.renumbered() && self.pool.pin() {
            self.report_renumbering(&call.describe());
        }
        let lost = match outcome {
            Ok(Ok(answer)) => {
                self.breaker.lock().answered(self.clock.monotonic());
                self.keep(session.into_instance());
                return Ok(answer);
            }
            Ok(Err(Failure::Answer(error))) => {
                self.breaker.lock().answered(self.clock.monotonic());
                self.keep(session.into_instance());
                return Err(error);
            }
            Ok(Err(Failure::Broken(error))) => {
                self.open_breaker();
                let (call, last_words) = (&call.describe(), &last_words);
                Broken { op: C::OP, call, error: &error, last_words }.classify(limits)
            }
            Err(_elapsed) => VfsError::TimedOut(format!(
                "{} took longer than {} s (limits.call)",
                call.describe(),
                limits.call.as_secs_f64()
            )),
        };
        self.record_loss(&lost);
        call.salvage(lost)
    }

    /// Returns why nobody calls the component at the moment: it trapped too often.
    pub fn trouble(&self) -> Option<String> {
        let left = self.breaker.lock().closed_in(self.clock.monotonic())?;
        let seconds = left.as_secs_f64().ceil();
        Some(format!("it trapped again and again, and is called again in {seconds} s"))
    }

    /// Takes in that a call cost its instance, and leaves the component alone if that happens too
    /// often.
    fn open_breaker(&self) {
        let opened = self.breaker.lock().trapped(self.clock.monotonic());
        if let Some(pause) = opened {
            let (provider, seconds) = (self.name(), pause.as_secs());
            tracing::error!(provider, "it traps again and again: nobody calls it for {seconds} s");
        }
    }

    /// Tells the provider's author why it is served by one instance from now on.
    fn report_renumbering(&self, call: &str) {
        self.blueprint.output.host(&format!(
            "before {call}, a new instance gave an object on the way another inode than the \
             instance before; inodes must not depend on the order of calls. One instance serves \
             all calls from now on. Derive inodes from what identifies an object, for example \
             with omnifs_provider::stable_inode(id)"
        ));
    }

    /// Makes an ordinary file of one that its provider calls live, where files may not grow; its
    /// author is told once.
    fn settle_live(&self, name: &str, found: &mut Found) {
        let Some(details) = found.details.as_mut().filter(|d| d.live && !self.live) else { return };
        Arc::make_mut(details).live = false;
        if !self.told_live.swap(true, Ordering::Relaxed) {
            self.blueprint.output.host(&format!(
                "{name:?} is said to be live, and is served as an ordinary file: a provider of live \
                 files declares them, with live: true in omnifs_provider::needs!, or its user does, \
                 with live = true in [[provider]]"
            ));
        }
    }

    fn keep(&self, instance: Option<Instance>) {
        if let Some(instance) = instance.filter(|instance| instance.memory() <= KEEP) {
            self.pool.put(instance);
        }
    }

    /// Records that a call cost its instance.
    fn record_loss(&self, error: &VfsError) {
        self.traps.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(provider = self.name(), %error, "instance lost");
        self.blueprint.output.host(&format!("{error}; the next call gets a new instance"));
    }
}

impl Source for Provider {
    fn lookup_child<'a>(
        &'a self,
        parent: &'a Arc<Object>,
        name: &'a Name,
    ) -> BoxFuture<'a, Result<Answer<Option<Found>>, VfsError>> {
        let lookup = self.call(Lookup { parent, name, anew: self.live });
        let settled = lookup.map_ok(|mut answer| {
            let found = answer.value.iter_mut();
            found.for_each(|found| self.settle_live(name.as_str(), found));
            answer
        });
        settled.boxed()
    }

    fn list_children<'a>(
        &'a self,
        directory: &'a Arc<Object>,
        cursor: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Answer<Listed>, VfsError>> {
        let listed = self.call(List { directory, cursor });
        let settled = listed.map_ok(|mut answer| {
            let Listed { names, found, .. } = &mut answer.value;
            let entries = names.iter().zip(found);
            entries.for_each(|(name, found)| self.settle_live(name, found));
            answer
        });
        settled.boxed()
    }

    fn read_file<'a>(
        &'a self,
        file: &'a Arc<Object>,
        range: Option<ByteRange>,
    ) -> BoxFuture<'a, Result<Answer<Option<Content>>, VfsError>> {
        self.call(Read { file, range, anew: self.live })
    }

    fn probe_children<'a>(
        &'a self,
        parent: &'a Arc<Object>,
        names: &'a [Name],
    ) -> BoxFuture<'a, Result<Probe, VfsError>> {
        let call = self.call(ProbeAll { parent, names, found: Mutex::default() });
        call.map_ok(|answer| answer.value).boxed()
    }

    fn last_failure(&self, path: &str) -> Option<LastFailure> {
        self.failures.lock().last_at(path)
    }

    fn refused(&self, path: &str, error: &VfsError, made: Option<&Arc<Made>>) {
        let unknown = || {
            let request = self.blueprint.engine.next_request();
            Arc::new(Made { request, exchanges: Vec::new(), more: 0 })
        };
        let made = made.map_or_else(unknown, Arc::clone);
        self.add_failure((ops::LIST, path.to_owned()), (error, false), made);
    }

    fn forget(&self, object: ObjectKey) {
        self.blueprint.usage.forget(object);
    }
}
