//! What providers print.

use omnifs_runtime::LogSource;
use testkit::guests;

use crate::fixture::Fixture;

#[tokio::test]
async fn lines_of_both_streams_arrive_before_the_answer() {
    let logger = Fixture::new(guests::LOGGER);
    logger.text("lines").await;
    assert_eq!(logger.lines.of(LogSource::Stdout), ["to standard output"]);
    assert_eq!(logger.lines.of(LogSource::Stderr), ["to standard error"]);
}

#[tokio::test]
async fn control_characters_are_escaped() {
    let logger = Fixture::new(guests::LOGGER);
    logger.text("escapes").await;
    assert_eq!(logger.lines.of(LogSource::Stdout), ["red \\u{1b}[31m bell \\u{7} return \\r end"]);
}

#[tokio::test]
async fn a_line_without_an_end_ends_with_its_call() {
    let logger = Fixture::new(guests::LOGGER);
    logger.text("partial").await;
    logger.text("lines").await;
    let lines = logger.lines.of(LogSource::Stdout);
    // The guest's own buffer may keep it until the next line; then it is one with that.
    assert_eq!(lines.concat(), "no end of lineto standard output", "{lines:?}");
}

#[tokio::test]
async fn a_flood_is_cut_and_counted() {
    let logger = Fixture::new(guests::LOGGER);
    for call in 1..=18_u64 {
        logger.text("flood").await;
        let lines = logger.lines.of(LogSource::Stdout);
        let printed: usize = lines.iter().map(|line| line.len() + 1).sum();
        let expected = (call * (64 << 10)).min(1 << 20);
        assert_eq!(printed as u64, expected, "a minute's share is 1 MiB");
        assert_eq!(logger.provider.statistics().log_dropped, call * (4 << 20) - expected);
    }
    let host = logger.lines.of(LogSource::Host);
    assert_eq!(host.len(), 18);
    assert!(host[0].starts_with("dropped 4128768 bytes of output"), "{}", host[0]);
}

#[tokio::test]
async fn a_trap_is_in_the_log() {
    let trap = Fixture::new(guests::TRAP);
    trap.read("trap").await.unwrap_err();
    let panic = trap.lines.of(LogSource::Stderr).join("\n");
    assert!(panic.contains("boom"), "{panic}");
    let host = trap.lines.of(LogSource::Host);
    assert_eq!(host.len(), 1);
    assert!(host[0].starts_with("provider trapped: read-file(/trap): panicked at "), "{}", host[0]);
    assert!(host[0].ends_with("boom; the next call gets a new instance"), "{}", host[0]);
}
