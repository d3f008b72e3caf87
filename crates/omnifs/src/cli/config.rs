//! `omnifs config check`.

use super::output::{self, plain};
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::places::Places;

/// Checks the file of providers as the daemon does, and says how many it names.
pub(super) fn check(places: &Places) -> Result<Exit, Failure> {
    let config = Config::load(&places.config, &places.home)?;
    let count = config.providers.len();
    let disabled = count - config.enabled().count();
    let mut text = format!("{}: {}", places.config.display(), providers(count));
    if disabled > 0 {
        text.push_str(&format!(", {disabled} of them disabled"));
    }
    output::print(&plain(&format!("{text}\n")))?;
    Ok(Exit::Success)
}

/// Returns a number of providers in words.
pub(super) fn providers(count: usize) -> String {
    match count {
        1 => "1 provider".to_owned(),
        many => format!("{many} providers"),
    }
}
