//! `omnifs status`.

use super::output;
use super::running;
use super::table::{Columns, table, troubles, verdict};
use crate::exit::{Exit, Failure};
use crate::places::Places;

/// Prints the table for people, and below it what is wrong.
pub(super) fn table_of(places: &Places, columns: Columns) -> Result<Exit, Failure> {
    let status = running::daemon(places)?.status()?;
    if status.providers.is_empty() {
        output::print(&format!("no providers in {}\n", places.config.display()))?;
    }
    output::print(&table(&status.providers, columns))?;
    output::print(&troubles(&status.providers))?;
    Ok(verdict(&status.providers))
}

/// Prints the status as the daemon gives it.
pub(super) fn json(places: &Places) -> Result<Exit, Failure> {
    let text = running::daemon(places)?.status_text()?;
    output::print(&format!("{text}\n"))?;
    let status = serde_json::from_str(&text)
        .map(|status: crate::control::Status| verdict(&status.providers));
    // A daemon of another version may say more, or otherwise; its text is what was asked for.
    Ok(status.unwrap_or(Exit::Success))
}
