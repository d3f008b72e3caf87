use super::*;

const DIR: NodeId = NodeId(7);

fn gate() -> (Arc<Gate>, Arc<Mutex<Vec<Due>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    (Gate::new(Box::new(move |due| sink.lock().push(due))), seen)
}

fn name(text: &str) -> Name {
    Name::from_provider(text).unwrap()
}

#[test]
fn a_name_expires_at_once_in_a_quiet_directory() {
    let (gate, seen) = gate();
    assert!(gate.may_expire(DIR, &name("a")));
    let _opening = gate.enter(DIR, Activity::Opening);
    let _elsewhere = gate.enter(NodeId(8), Activity::Lookup);
    assert!(gate.may_expire(DIR, &name("a")));
    assert!(seen.lock().is_empty());
}

#[test]
fn a_name_waits_for_the_last_unanswered_request() {
    let (gate, seen) = gate();
    let lookup = gate.enter(DIR, Activity::Lookup);
    let listing = gate.enter(DIR, Activity::Listing);
    for text in ["a", "b", "a"] {
        assert!(!gate.may_expire(DIR, &name(text)));
    }
    drop(lookup);
    assert!(seen.lock().is_empty());
    drop(listing);
    assert_eq!(*seen.lock(), [Due::Expire(DIR, name("a")), Due::Expire(DIR, name("b"))]);
    assert!(gate.is_empty());
}

#[test]
fn a_listing_is_invalidated_again_after_the_requests_that_saw_the_change() {
    let (gate, seen) = gate();
    let before = gate.enter(DIR, Activity::Listing);
    gate.listing_changed(DIR);
    assert!(seen.lock().is_empty());
    drop(before);
    assert_eq!(*seen.lock(), [Due::Relist(DIR)]);
    drop(gate.enter(DIR, Activity::Listing));
    assert_eq!(seen.lock().len(), 1);
    assert!(gate.is_empty());
}

#[test]
fn an_old_reader_repeats_the_invalidation_at_its_end_and_when_it_closes() {
    let (gate, seen) = gate();
    gate.opened(DIR, 1);
    gate.listing_changed(DIR);
    gate.opened(DIR, 2);
    let reading = gate.enter(DIR, Activity::Listing);
    gate.finished(DIR, 1);
    assert!(seen.lock().is_empty(), "not while a READDIR is unanswered");
    drop(reading);
    assert_eq!(seen.lock().len(), 1);
    gate.closed(DIR, 1);
    assert_eq!(seen.lock().len(), 2);
    gate.finished(DIR, 2);
    gate.closed(DIR, 2);
    assert_eq!(seen.lock().len(), 2, "a reader of the new listing repeats nothing");
    assert!(gate.is_empty());
}

#[test]
fn a_handle_opened_across_the_change_counts_as_old() {
    let (gate, seen) = gate();
    let opening = gate.enter(DIR, Activity::Opening);
    gate.listing_changed(DIR);
    gate.opened(DIR, 1);
    drop(opening);
    gate.closed(DIR, 1);
    assert_eq!(*seen.lock(), [Due::Relist(DIR)]);
    let opening = gate.enter(DIR, Activity::Opening);
    gate.opened(DIR, 2);
    drop(opening);
    gate.closed(DIR, 2);
    assert_eq!(seen.lock().len(), 1);
    assert!(gate.is_empty());
}
