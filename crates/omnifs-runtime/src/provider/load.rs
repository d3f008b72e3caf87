//! From a checked component to what instances are made of.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use wasmtime::component::Component;

use super::instance::{Blueprint, Functions, Usage};
use super::watch::Watcher;
use super::{LoadError, ProviderOptions};
use crate::artifact::{self, Face, Head, Kind};
use crate::bindings::{FilesystemIndices, ProjectionIndices, WatcherIndices};
use crate::capability::{Capabilities, Needs};
use crate::contract::Fit;
use crate::engine::Engine;
use crate::limits::Limits;
use crate::log::Output;

/// A component that fits the contract, compiled.
pub(super) struct Fitting {
    component: Component,
    pub(super) fit: Fit,
    pub(super) needs: Option<Needs>,
}

/// Checks a component and compiles it, unless that was done before.
pub(super) fn fitting(
    engine: &Engine,
    bytes: &[u8],
    limits: &Limits,
) -> Result<Fitting, LoadError> {
    let Head { kind, needs } = artifact::head(bytes, limits.component)?;
    if kind == Kind::Component
        && let Some(component) = engine.kept(bytes)
        && let Some(fit) = Fit::of_compiled(&component, engine.wasm())
    {
        return Ok(Fitting { component, fit, needs });
    }
    let prepared = artifact::prepare(bytes, limits.component)?;
    let kept = match kind {
        Kind::Component => None,
        // What it became is kept.
        Kind::CoreModule => engine.kept(&prepared.component),
    };
    let component = match kept {
        Some(component) => component,
        None => compile(engine, prepared.component, limits.compile)?,
    };
    Ok(Fitting { component, fit: prepared.fit, needs })
}

pub(super) fn blueprint(
    engine: &Engine,
    Fitting { component, fit, needs }: Fitting,
    options: ProviderOptions,
) -> Result<Blueprint, LoadError> {
    let pre = engine.linker().instantiate_pre(&component).map_err(|error| unfit(&error))?;
    let functions = match fit.face {
        Face::Filesystem => FilesystemIndices::new(&pre).map(Functions::Filesystem),
        Face::Projection => ProjectionIndices::new(&pre).map(Functions::Projection),
    };
    let functions = functions.map_err(|error| unfit(&error))?;
    let watcher = fit.watches.then(|| WatcherIndices::new(&pre)).transpose();
    let watcher = Watcher::new(watcher.map_err(|error| unfit(&error))?);
    let name: Arc<str> = options.name.into();
    let own = (Arc::clone(&name), fit.face);
    let capabilities =
        Capabilities::new(own, (options.grants, options.limits.http), needs.as_ref());
    Ok(Blueprint {
        capabilities: Arc::new(capabilities),
        output: Output::new(Arc::clone(&name), options.log, options.limits.log),
        name,
        limits: options.limits,
        engine: engine.clone(),
        pre,
        functions,
        watcher,
        usage: Arc::new(Usage::default()),
    })
}

/// Compiles on a thread of its own. The compiler cannot be stopped:
/// past the limit it is left to end by itself, and leaves its work in the cache.
fn compile(engine: &Engine, bytes: Cow<'_, [u8]>, limit: Duration) -> Result<Component, LoadError> {
    let (sender, receiver) = channel();
    let (engine, bytes) = (engine.clone(), bytes.into_owned());
    thread::Builder::new()
        .name("omnifs-compile".to_owned())
        .spawn(move || {
            // Nobody listens after the time limit.
            let _ = sender.send(engine.compile(&bytes));
        })
        .map_err(|error| LoadError::new(format!("cannot start a thread to compile it: {error}")))?;
    match receiver.recv_timeout(limit) {
        Ok(compiled) => compiled.map_err(|error| {
            LoadError::new(format!("it does not compile: {error:#}"))
                .remedy("build it again with `omnifs build`")
        }),
        Err(RecvTimeoutError::Timeout) => Err(LoadError::new(format!(
            "compiling it takes longer than {} s (limits.compile)",
            limit.as_secs_f64()
        ))
        .remedy("try again later: compiling goes on, and its result is kept")),
        Err(RecvTimeoutError::Disconnected) => {
            Err(LoadError::new("the compiler failed on it; please report this with the file"))
        }
    }
}

fn unfit(error: &wasmtime::Error) -> LoadError {
    LoadError::new(format!("it asks for something that omnifs does not have: {error:#}"))
        .remedy("build it against omnifs-provider 1.0.0 for wasm32-wasip2")
}

#[cfg(test)]
mod tests {
    use testkit::guests;

    use super::*;
    use crate::engine::EngineOptions;

    fn engine(directory: &std::path::Path) -> Engine {
        let compiled = Some(directory.to_path_buf());
        Engine::new(EngineOptions { compiled, ..EngineOptions::default() }).unwrap()
    }

    #[test]
    fn what_is_kept_fits_as_it_did_when_it_was_compared() {
        let home = tempfile::tempdir().unwrap();
        let mut fits = Vec::new();
        for bytes in [guests::HELLO, guests::FETCHER, guests::PROJECTED, guests::WATCHED] {
            let limits = Limits::default();
            let load = || fitting(&engine(home.path()), bytes, &limits).unwrap();
            let first = load();
            assert!(engine(home.path()).kept(bytes).is_some());
            let second = load();
            assert_eq!((second.fit, &second.needs), (first.fit, &first.needs));
            fits.push(first.fit);
        }
        assert!(fits.iter().any(|fit| fit.watches) && fits.iter().any(|fit| !fit.watches));
        assert!(fits.iter().any(|fit| fit.outdates) && fits.iter().any(|fit| !fit.outdates));
        for face in [Face::Filesystem, Face::Projection] {
            assert!(fits.iter().any(|fit| fit.face == face), "{face:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_not_kept() {
        let home = tempfile::tempdir().unwrap();
        let engine = engine(home.path());
        let without_exports = b"\0asm\x0d\0\x01\0";
        for _ in 0..2 {
            assert!(fitting(&engine, without_exports, &Limits::default()).is_err());
            assert!(engine.kept(without_exports).is_none());
        }
    }
}
