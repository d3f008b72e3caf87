//! `omnifs secrets check`.

use super::output::{self, plain};
use super::table::{aligned, trouble_of};
use crate::config::{Config, SecretGrant};
use crate::exit::{Exit, Failure};
use crate::places::Places;
use crate::secrets;

/// Tries to read every secret of the configuration and says where it may go; never a value.
/// Variables are looked for where this command runs.
pub(super) fn check(places: &Places) -> Result<Exit, Failure> {
    let config = Config::load(&places.config, &places.home)?;
    let variables = config.secret_variables();
    let mut rows = Vec::new();
    let mut troubles = String::new();
    for provider in config.enabled() {
        for grant in &provider.capabilities.secrets {
            let found = secrets::read(grant, &variables);
            let state = if found.is_ok() { "found" } else { "missing" };
            rows.push(vec![
                provider.name.clone(),
                grant.name.clone(),
                plain(&grant.source.to_string()),
                state.to_owned(),
                destinations(grant, provider),
            ]);
            if let Err(trouble) = found {
                troubles.push_str(&trouble_of(&provider.name, &trouble));
            }
        }
    }
    if rows.is_empty() {
        output::print(&format!("no secrets in {}\n", places.config.display()))?;
        return Ok(Exit::Success);
    }
    let heads = ["PROVIDER", "SECRET", "SOURCE", "STATE", "MAY GO TO"];
    output::print(&aligned(&heads, rows.into_iter()))?;
    output::error(&troubles);
    Ok(if troubles.is_empty() { Exit::Success } else { Exit::Failure })
}

/// Says where a secret may be sent: to its own hosts, else wherever its provider may go over
/// https.
fn destinations(grant: &SecretGrant, provider: &crate::config::ProviderConfig) -> String {
    let hosts: Vec<String> = if grant.hosts.is_empty() {
        provider.capabilities.http.iter().map(ToString::to_string).collect()
    } else {
        grant.hosts.iter().map(ToString::to_string).collect()
    };
    if hosts.is_empty() { "nowhere".to_owned() } else { plain(&hosts.join(", ")) }
}
