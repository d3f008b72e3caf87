//! Nothing is left of what was exchanged, unmounted or ended, as a script outside counts it.

use std::path::Path;
use std::time::Duration;

use testkit::{Sandbox, guests, run_for};

use crate::OMNIFS;

/// Several times what the longest measurement takes on an idle machine.
const LIMIT: Duration = Duration::from_secs(500);

/// Runs a measurement of `leaks.py`, and returns what it found.
fn measure(what: &str, cycles: &str, components: &[&str]) -> String {
    let sandbox = Sandbox::new(OMNIFS);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts/leaks.py");
    let mut python = sandbox.command("python3");
    python.arg(script).args([what, cycles]).arg(sandbox.root()).args(components);
    run_for(&mut python, LIMIT).expect_code(0).stdout
}

#[test]
fn a_thousand_reloads_with_a_change_leave_nothing() {
    println!("{}", measure("reloads", "1000", &[guests::HELLO_PATH, guests::COUNTER_PATH]));
}

#[test]
fn a_hundred_starts_and_stops_leave_nothing() {
    println!("{}", measure("starts", "100", &[guests::HELLO_PATH]));
}
