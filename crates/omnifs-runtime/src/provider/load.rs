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
use crate::artifact::Face;
use crate::bindings::{FilesystemIndices, ProjectionIndices, WatcherIndices};
use crate::capability::{Capabilities, Needs};
use crate::contract::Fit;
use crate::engine::Engine;
use crate::log::Output;

pub(super) fn blueprint(
    engine: &Engine,
    (component, fit): (Cow<'_, [u8]>, Fit),
    needs: Option<&Needs>,
    options: ProviderOptions,
) -> Result<Blueprint, LoadError> {
    let component = compile(engine, component, options.limits.compile)?;
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
    let capabilities = Capabilities::new(own, (options.grants, options.limits.http), needs);
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

/// Compiles, unless that was done before, on a thread of its own. The compiler cannot be stopped:
/// past the limit it is left to end by itself, and leaves its work in the cache.
fn compile(engine: &Engine, bytes: Cow<'_, [u8]>, limit: Duration) -> Result<Component, LoadError> {
    if let Some(component) = engine.kept(&bytes) {
        return Ok(component);
    }
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
